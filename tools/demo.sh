#!/usr/bin/env bash
# Shows what Polyphase does, from sources to pictures and speed: tools/demo.sh [PHOTO [FOLDER]]
# Builds, upscales PHOTO (PNG or JPEG) 4x in every mode into FOLDER (./demo-output), runs real network layers, and shows
# it all in FOLDER/index.html.
set -euo pipefail
shopt -s inherit_errexit
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
modes=(nearest bilinear bicubic)
scale=4

if [[ $# -gt 2 || ${1-} == -* ]]; then
  echo "usage: tools/demo.sh [PHOTO [FOLDER]]" >&2
  exit 2
fi
photo=${1-}
folder=${2-demo-output}
if [[ -n $photo && ! -r $photo ]]; then
  echo "tools/demo.sh: cannot read the photo $photo" >&2
  exit 1
fi

"$root/tools/setup.sh" demo
if [[ -z $photo ]]; then
  photo=$(dpkg --listfiles python-matplotlib-data | grep '/grace_hopper\.jpg$')
fi

# From its own folder, since presets are looked for there; the user's paths are relative to the user's.
(
  cd "$root"
  cmake --preset gcc-release
  cmake --build --preset gcc-release --target polyphase_cli polyphase_bench
)
build=$root/build/gcc-release

"$build/tools/cli/polyphase" info
mkdir -p -- "$folder"
parts=$(mktemp -d)
trap 'rm -rf -- "$parts"' EXIT

# The contact sheet shows the photo, and a detail of each result at the same zoom: a square of up to 80 x 80 pixels of
# the photo, centred, at a third of the height, where portraits have their eyes.
details=()
for mode in "${modes[@]}"; do
  echo "Upscaling $photo: $mode"
  result=$folder/$mode.png
  "$build/tools/cli/polyphase" upscale "$photo" "$result" --scale "$scale" --mode "$mode"
  read -r width height < <(od -An -j16 -N8 -tu4 --endian=big -- "$result")  # from the PNG header
  side=$((80 * scale))
  side=$((side < width ? side : width))
  side=$((side < height ? side : height))
  left=$(((width - side) / 2))
  top=$((height / 3 - side / 2))
  top=$((top > 0 ? top : 0))
  pngtopam < "$result" | pamcut -left "$left" -top "$top" -width "$side" -height "$side" > "$parts/$mode.pam"
  convert "$parts/$mode.pam" "$parts/$mode.png"
  details+=("$mode=$parts/$mode.png")
done
zoom=640  # of the photo's longer side, and of the details
longer=$((width > height ? width : height))
frame="rectangle $((left * zoom / longer)),$((top * zoom / longer))"
frame+=" $(((left + side) * zoom / longer)),$(((top + side) * zoom / longer))"
convert "$photo" -auto-orient -thumbnail "${zoom}x$zoom" -fill none -stroke yellow -strokewidth 2 -draw "$frame" \
  "$parts/photo.png"
tiles=(-label "$((width / scale)) x $((height / scale)), the detail is framed" "$parts/photo.png")
for mode in "${modes[@]}"; do
  tiles+=(-label "$mode, ${scale}x" "(" "$parts/$mode.pam" -filter point -resize "${zoom}x$zoom" ")")
done
montage -font DejaVu-Sans -pointsize 24 -background white "${tiles[@]}" -tile x1 -geometry +8+8 \
  "$folder/contact-sheet.png"

status=0
"$build/bench/polyphase_bench" --demo --demo-record "$parts/record.tsv" || status=$?
[[ $status -le 1 ]] || exit "$status"  # 1: a layer failed, which the table says
/usr/bin/python3 -B "$root/tools/pages/demo.py" "$parts/record.tsv" "$parts/photo.png" "$scale" "$folder" \
  "${details[@]}"

echo
echo "The pictures:"
realpath -- "${modes[@]/#/$folder/}" "$folder/contact-sheet" | sed 's/$/.png/'
echo "The page:"
realpath -- "$folder/index.html"
exit "$status"

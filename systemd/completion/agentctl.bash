# Completion of agentctl for bash.
_agentctl() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command= options i
    local filters="--rule --section --status --severity --subject --kind --waived --limit"
    local commands="status findings rules explain watch history diff scan check resend ack metrics version"
    COMPREPLY=()

    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --socket | --lang | --rule | --section | --status | --severity | --subject | --kind | --waived | --limit | \
            --since | --until | --fail-on | --textfile) ((i++)) ;;
        -*) ;;
        *) command=${COMP_WORDS[i]} && break ;;
        esac
    done

    case $prev in
    --socket | --textfile)
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    --lang) options="en zh" ;;
    --status) options="pass fail manual not_applicable error" ;;
    --severity | --fail-on) options="low medium high critical" ;;
    --kind) options="host daemon file container image network swarm exec agent" ;;
    --waived) options="true false" ;;
    --rule) options=$(agentctl rules 2>/dev/null | cut -f 1) ;;
    --since | --until) options="now today yesterday 1h 1d 1w" ;;
    --section | --subject | --limit) return ;;
    *)
        options="--socket --json --lang --no-color --help"
        case $command in
        "") options="$commands $options" ;;
        findings) options="$filters --all $options" ;;
        rules) options="--section $options" ;;
        explain) options="$(agentctl rules 2>/dev/null | cut -f 1) $options" ;;
        watch) options="--since $options" ;;
        history) options="--since --until $filters $options" ;;
        diff) options="--all today yesterday 1d 1w $options" ;;
        check) options="--fail-on $options" ;;
        metrics) options="--textfile $options" ;;
        esac
        ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
}
complete -F _agentctl agentctl

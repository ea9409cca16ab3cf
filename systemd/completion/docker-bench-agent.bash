# Completion of docker-bench-agent for bash.
_docker_bench_agent() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    COMPREPLY=()

    case $prev in
    -c | --config | --socket)
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        ;;
    --state-dir | --host-root | --data-dir | --helpers)
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -d -- "$cur")
        ;;
    --user) mapfile -t COMPREPLY < <(compgen -u -- "$cur") ;;
    --format) mapfile -t COMPREPLY < <(compgen -W "text json" -- "$cur") ;;
    --docker-host) mapfile -t COMPREPLY < <(compgen -W "unix:// tcp://" -- "$cur") ;;
    *)
        mapfile -t COMPREPLY < <(compgen -W "--config --docker-host --socket --state-dir --host-root --data-dir --helpers --user --once \
            --format --check-config --version --help" -- "$cur")
        ;;
    esac
}
complete -F _docker_bench_agent docker-bench-agent

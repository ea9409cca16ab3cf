# Section 6: what is too much is removed, by name, and nothing else. Sourced by tests/engines/remedies.

# want_fact RULE FACT NUMBER: the finding has counted them all
has_fact() { [ "$(findings "rule=$1" | jq ".findings[0].facts.$2")" = "$3" ]; }
want_fact() { await has_fact "$@" || fail "$1: $2 is not $3: $(findings "rule=$1" | jq -c '.findings[0].facts')"; }

begin "unused images"
mkdir "$work/old" && docker save test:1.0 | tar -C "$work/old" -x
config=$(jq -r '.[0].Config' "$work/old/manifest.json")
jq -c '.created = "2020-02-02T02:02:02Z"' "$work/old/$config" >"$work/old/old.json"
jq -c '.[0].Config = "old.json" | .[0].RepoTags = null' "$work/old/manifest.json" >"$work/old/manifest"
mv "$work/old/manifest" "$work/old/manifest.json"
rm -f "$work/old/index.json" "$work/old/oci-layout"
images=$(docker images -q | sort -u | wc -l)
tar -C "$work/old" -c . | docker load >/dev/null; want "6.1 fail ."; remedy "6.1 ."
[ "$(docker images -q | sort -u | wc -l)" = "$images" ] || fail "another image is gone, or the old one is there"
for n in $(seq 30); do # the other name of one is no image more
    printf 'FROM test:1.0\nLABEL n=%s\n' "$n" | docker build -q -t "many:$n" - >/dev/null 2>&1
done
docker tag many:7 other:7; want "6.1 fail ."; want_fact 6.1 images "$(docker images -q | sort -u | wc -l)"; remedy "6.1 ."
[ "$(docker images -q many | sort -u | wc -l)" -ge 20 ] || fail "more images are gone than were too many"
docker images -q many | sort -u | xargs -r docker rmi -f >/dev/null

begin "stopped containers"
run up test:1.0
for n in $(seq 26); do docker create --name "ended$n" test:1.0 true >/dev/null; done
want "6.2 fail ."; want_fact 6.2 containers 27; remedy "6.2 ."
[ "$(docker ps -aq | wc -l)" = 25 ] || fail "not two containers are gone but $((27 - $(docker ps -aq | wc -l)))"
docker pause up >/dev/null; want "6.2 fail ."; remedy "6.2 ."
docker inspect up >/dev/null || fail "a paused container is gone"
docker unpause up >/dev/null
docker ps -aq | xargs -r docker rm -f >/dev/null

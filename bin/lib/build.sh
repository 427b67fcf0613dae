# Sourced by the programs in bin/. Builds a module and what it needs, when its sources are newer than
# what was built; sets class_path and launch.

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

need() {
  command -v "$1" >/dev/null || {
    echo "Cannot start: $1 was not found. Install $2 and put it on the PATH." >&2
    exit 1
  }
}

# prepare <module>
prepare() {
  local module="$1"
  launch="$root/$module/target/launch"
  need java "a JDK, 17 or newer,"
  if [ ! -f "$launch/class-path" ] || [ -n "$(cd "$root" && find pom.xml */pom.xml bench/peers/pom.xml */src bench/peers/src -newer "$launch/class-path" -print -quit)" ]; then
    need mvn "Maven 3.8 or newer"
    echo "building (the first time takes some minutes, most of them downloads) ..."
    local started=$SECONDS
    if ! (cd "$root" && mvn -B -q -Dstyle.color=never -DskipTests package -pl "$module" -am >"${TMPDIR:-/tmp}/millrace-build.$$.log" 2>&1); then
      tail -n 40 "${TMPDIR:-/tmp}/millrace-build.$$.log" >&2
      echo "Cannot build: the whole output is in ${TMPDIR:-/tmp}/millrace-build.$$.log." >&2
      exit 1
    fi
    rm -f "${TMPDIR:-/tmp}/millrace-build.$$.log"
    echo "  built, $((SECONDS - started)) s"
  fi
  class_path="$root/$module/target/classes:$(cat "$launch/class-path")"
}

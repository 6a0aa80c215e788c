#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# verify.sh: verify the folder that a ceremony left, with public tools alone.
#
#     sh verify.sh [-s SIGNERS] [DIR]
#
# DIR is the folder (default: the one you are in). SIGNERS is a file of people's keys that
# you have from elsewhere (allowed_signers, see below); without it a folder of production is
# INCOMPLETE at best, as it cannot vouch for itself.
#
# Printed is a line for each verdict, what FAILED first, then what is INCOMPLETE, then what
# is OK; the last line is the verdict. The exit code is 0 when the folder is VERIFIED, 1 when
# anything recorded was changed, 3 when something is missing that an unfinished ceremony has
# not written yet, 2 when this script was called wrongly or could not do its work.
#
# It checks rules 1 to 12 of "What every verifier checks" (docs/formats.md); the numbers below
# are those. It needs sha256sum and the other coreutils, awk, jq 1.6, openssl and ssh-keygen 8.1 or
# later. It writes nothing but a temporary folder of its own, follows no link, runs nothing
# from the folder, and prints nothing of it but ASCII (any other byte becomes a question mark).
#
# A verifier that comes with the suspect proves nothing: take this file from a release, and
# compare its SHA-256 with the one that is published there. It is the same for every ceremony.
#
# One thing is left to the signatures: that text is in Unicode normal form C (rule 2).

set -u
umask 077
LC_ALL=C
TZ=UTC
IFS=$(printf ' \t\n_')
IFS=${IFS%_}
export LC_ALL TZ
unset CDPATH POSIXLY_CORRECT

t=
trap '[ -z "$t" ] || rm -rf -- "$t"' EXIT
trap 'exit 2' HUP INT TERM

trouble() {
    printf 'verify.sh: %s\n' "$1" | tr -c '\012\040-\176' '?' >&2
    exit 2
}

# A program of the folder must not be found where the path has "." in it.
clean_path() {
    kept=
    rest=$PATH:
    while [ -n "$rest" ]; do
        one=${rest%%:*}
        rest=${rest#*:}
        case $one in /*) kept=${kept:+$kept:}$one ;; esac
    done
    PATH=${kept:-/usr/bin:/bin}
    export PATH
}

check_programs() {
    for program in awk base64 cat head jq mkdir mktemp mv od openssl rm sed sha256sum sort split ssh-keygen tail tr wc; do
        if ! command -v "$program" >/dev/null 2>&1; then
            printf 'verify.sh: %s is not installed on this computer; it is needed to verify a folder\n' "$program" >&2
            exit 2
        fi
    done
    case $(jq --version 2>/dev/null) in
        jq-1.[0-5] | jq-1.[0-5].* | jq-1.[0-5][!0-9]*) trouble 'jq 1.6 or later is needed; this one is older' ;;
    esac
}

# --- verdicts -------------------------------------------------------------------

failed() { printf 'F\t%s\t%s\n' "$1" "$2" >>"$t/verdicts" || trouble 'the temporary folder cannot be written'; }
incomplete() { printf 'I\t%s\t%s\n' "$1" "$2" >>"$t/verdicts" || trouble 'the temporary folder cannot be written'; }
holds() { printf 'O\t%s\t%s\n' "$1" "$2" >>"$t/verdicts" || trouble 'the temporary folder cannot be written'; }

# What is not done must never look like what holds: each part says that it came to its end.
done_with() { printf 'D\t%s\n' "$1" >>"$t/verdicts" || trouble 'the temporary folder cannot be written'; }
PARTS='names log opening close files manifest heads people signatures quorum root mode'

finish() {
    if [ "$1" = whole ]; then
        for part in $PARTS; do
            awk -F '\t' -v part="$part" '$1 == "D" && $2 == part { n++ } END { exit n != 1 }' "$t/verdicts" ||
                trouble "the part '$part' did not come to its end; nothing is known of this folder"
        done
    fi
    awk -F '\t' '
        BEGIN { word["F"] = "FAILED    "; word["I"] = "INCOMPLETE"; word["O"] = "OK        " }
        $1 in word { line[$1, ++count[$1]] = word[$1] "  " substr($2, 1, 400) ": " substr($3, 1, 400) }
        END {
            n = split("F I O", order, " ")
            for (i = 1; i <= n; i++) for (j = 1; j <= count[order[i]]; j++) print line[order[i], j]
        }' "$t/verdicts" >"$t/lines" || trouble 'the verdict could not be written'
    tr -c '\012\040-\176' '?' <"$t/lines"
    code=$(awk -F '\t' '{ n[$1]++ } END { print n["F"] ? 1 : n["I"] ? 3 : 0 }' "$t/verdicts")
    case $mode in
        practice) tail=' (PRACTICE)' ;;
        production) tail=' (PRODUCTION)' ;;
        *) tail= ;;
    esac
    case $code in
        0) [ "$1" = whole ] || trouble 'nothing is known of this folder'; printf 'VERIFIED%s\n' "$tail" ;;
        1) printf 'FAILED%s\n' "$tail" ;;
        3) printf 'INCOMPLETE%s\n' "$tail" ;;
        *) trouble 'the verdict could not be counted' ;;
    esac
    exit "$code"
}

# --- small tools ------------------------------------------------------------------

fresh() {
    rm -rf "$1"
    mkdir "$1" || trouble 'the temporary folder cannot be written'
}

# Names of files on stdin, one a line; "SHA-256  name" on stdout, in the same order.
sums() (
    set --
    while IFS= read -r name; do
        set -- "$@" "./$name"
        if [ $# -eq 100 ]; then
            sha256sum "$@" 2>/dev/null
            set --
        fi
    done
    [ $# -eq 0 ] || sha256sum "$@" 2>/dev/null
    return 0
)

sums_of() { sums | sed 's|^\(.\{64\}\)  \./|\1  |'; }

digest() { sha256sum <"$1" | awk '{ print $1 }'; }

hex() { od -An -v -tx1 <"$1" | tr -d ' \n'; }

# Lines of hex digits on stdin, their bytes on stdout.
unhex() {
    awk '
        BEGIN {
            digits = "0123456789abcdef"
            letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
            for (i = 0; i < 4096; i++) {
                three = substr(digits, int(i / 256) + 1, 1) substr(digits, int(i / 16) % 16 + 1, 1) substr(digits, i % 16 + 1, 1)
                two[three] = substr(letters, int(i / 64) + 1, 1) substr(letters, i % 64 + 1, 1)
            }
        }
        {
            text = left $0
            size = length(text) - length(text) % 3
            out = ""
            for (i = 1; i <= size; i += 3) out = out two[substr(text, i, 3)]
            left = substr(text, size + 1)
            print out
        }
        END {
            if (length(left) == 2) print two[left "0"] "=="
            if (length(left) == 1) print substr(two[left "00"], 1, 1) "="
        }' | base64 -d
}

# Each line, or each so many bytes, of a file: its SHA-256, a line each.
hash_pieces() {
    fresh pieces
    if [ -s "$3" ]; then
        split "$1" "$2" -a 6 "$3" pieces/ || trouble 'the temporary folder cannot be written'
    fi
    for piece in pieces/*; do [ ! -f "$piece" ] || printf '%s\n' "$piece"; done | sums | awk '{ print $1 }'
}

# Base64 in its one form, into a file.
unbase64() {
    printf '%s' "$1" | base64 -d >"$2" 2>/dev/null || return 1
    [ "$(base64 -w 0 <"$2")" = "$1" ]
}

# --- rule 1: names ------------------------------------------------------------------

refuse_name() { failed "$(printf '%s' "$1" | tr -c '\040-\176' '?')" "$2"; }

# Every file below a folder, in no order, one a line; nothing is followed.
walk() {
    for entry in "$1"/* "$1"/.[!.]* "$1"/..?*; do
        if [ -L "$entry" ]; then
            refuse_name "${entry#./}" 'is a link, and only plain files are read'
        elif [ -d "$entry" ]; then
            if [ -r "$entry" ] && [ -x "$entry" ]; then
                walk "$entry"
            else
                refuse_name "${entry#./}" 'is a folder that cannot be read'
            fi
        elif [ -f "$entry" ]; then
            case ${entry#./} in
                *[[:cntrl:]]* | *\\*) refuse_name "${entry#./}" 'is not a plain path' ;;
                *) printf '%s\n' "${entry#./}" ;;
            esac
        elif [ -e "$entry" ]; then
            refuse_name "${entry#./}" 'is a device, and only plain files are read'
        fi
    done
}

list_names() {
    walk . >"$t/found" || trouble 'the temporary folder cannot be written'
    sort "$t/found" >"$t/names" || trouble 'the names cannot be sorted'
    if [ "$(tr -d '\012\040-\176' <"$t/names" | wc -c)" -ne 0 ]; then
        # Printable: of no category of "other" and "separator", but for the blank; and UTF-8, or jq changes it.
        jq -Rr 'if gsub(" "; "") | test("[\\p{C}\\p{Z}]") then "" else . end' <"$t/names" >"$t/plain" 2>/dev/null
        awk '
            FILENAME == ARGV[1] { plain[FNR] = $0; next }
            { print ("x" plain[FNR] == "x" $0 ? "O" : "F") "\t" $0 "\tis not a plain path" }' "$t/plain" "$t/names" >"$t/judged" ||
            trouble 'the names cannot be judged'
        sed -n '/^F/p' "$t/judged" >>"$t/verdicts"
        awk -F '\t' '$1 == "O" { print $2 }' "$t/judged" >"$t/names" || trouble 'the names cannot be judged'
    fi
    sums_of <"$t/names" >"$t/sums"
    awk '
        FILENAME == ARGV[1] { there[substr($0, 67)] = 1; next }
        !($0 in there) { print "F\t" $0 "\tcannot be read" }' "$t/sums" "$t/names" >>"$t/verdicts" ||
        trouble 'the names cannot be judged'
}

# What is read again and again is copied, so that it cannot change between two looks at it; a
# copy is taken only when it is what was listed.
copy_files() {
    mkdir "$t/copy" || trouble 'the temporary folder cannot be written'
    sed 's/^.\{66\}//' "$t/sums" | awk '
        /^heads\/[0-9][0-9][0-9][0-9]\.txt$/ || /^heads\/[0-9][0-9][0-9][0-9]\.[a-z0-9-]+\.sig$/ ||
        /^evidence\/tokens\/[^\/]+\/(public\.pem|head\.sig)$/' >"$t/wanted"
    number=0
    while IFS= read -r name; do
        number=$((number + 1))
        head -c 65536 "./$name" >"$t/copy/$number" 2>/dev/null
    done <"$t/wanted"
    cat ./ceremony.jsonl >"$t/whole" 2>/dev/null
}

check_copies() {
    awk '{ print "copy/" NR }' wanted | sums | awk '{ print $1 }' >copied
    awk -v found=verdicts '
        FILENAME == "sums" { sum[substr($0, 67)] = substr($0, 1, 64); next }
        FILENAME == "copied" { is[FNR] = $0; next }
        "x" is[FNR] != "x" sum[$0] { print "F\t" $0 "\tchanged while it was read, or is longer than any such file" >>found; next }
        { print FNR "\t" $0 }' sums copied wanted >copies || trouble 'the copies cannot be judged'
    # Number of the copy, path; by path for later.
    log_sum=$(awk 'substr($0, 67) == "ceremony.jsonl" { print substr($0, 1, 64) }' sums)
    [ "$(digest whole)" = "$log_sum" ] || failed ceremony.jsonl 'changed while it was read'
}

# --- rule 2: form and chain -----------------------------------------------------------

# The log is cut before its first line that is no record; what is judged later is what is left.
cut_before() {
    head -n $(($1 - 1)) log >shorter || trouble 'the temporary folder cannot be written'
    mv shorter log
    fault="record $(($1 - 1)) $2"
}

check_log() {
    fault=
    torn=0
    whole_lines=$(wc -l <whole)
    head -n $((whole_lines)) whole >log || trouble 'the temporary folder cannot be written'
    torn=$(($(wc -c <whole) - $(wc -c <log)))
    # Control characters become \001; what begins U+0080 to U+009F \002, and what ends it \003.
    tr '\000-\011\013-\037\177' '[\001*]' <log | tr '\302\200-\237' '\002[\003*]' | awk '
        BEGIN { control = sprintf("%c", 1); high = sprintf("%c%c", 2, 3) }
        length($0) > 65535 { print NR; exit }
        index($0, control) || index($0, high) { print NR; exit }
        END { print "end" }' >bad || trouble 'the log cannot be judged'
    took bad 'holds a control character, or is longer than 65536 bytes'
    jq -cS . <log >again 2>/dev/null
    awk '
        { if ((getline other <"again") <= 0 || "x" other != "x" $0) { print NR; exit } }
        END { print "end" }' log >bad || trouble 'the log cannot be judged'
    took bad 'is not canonical JSON'
    awk "$TEXT_OF_A_LINE" log >bad || trouble 'the log cannot be judged'
    took bad 'holds a number, a key or an escape that no record has, or is nested too deep'
    hash_pieces -l 1 log >chain
    jq -r "$MEMBERS" <log >fields 2>/dev/null
    awk -F '\t' "$CHAIN" chain fields >bad || trouble 'the log cannot be judged'
    why=$(sed -n '1s/^[0-9]*	//p' bad)
    sed 's/	.*//' bad >bad_number && mv bad_number bad
    took bad "${why:-is no record}"
    records=$(($(wc -l <log)))
    [ -z "$fault" ] || failed ceremony.jsonl "$fault"
    if [ "$torn" -ne 0 ]; then
        incomplete ceremony.jsonl "its last line is torn ($torn bytes); $records records before it chain"
    fi
    done_with log
}

took() {
    case $(tail -n 1 "$1") in end) ;; *) trouble 'the log could not be read to its end' ;; esac
    at=$(head -n 1 "$1")
    [ "$at" = end ] || cut_before "$at" "$2"
}

# A canonical line, as jq sees it; what jq does not see of numbers, keys, escapes and depth.
# shellcheck disable=SC2016
TEXT_OF_A_LINE='
    function bad() { print NR; exit }
    {
        text = $0
        if (text ~ /[^ -~]/) {
            rest = text
            while (match(rest, /"([^"\\]|\\.)*"/)) {
                one = substr(rest, RSTART, RLENGTH)
                rest = substr(rest, RSTART + RLENGTH)
                if (substr(rest, 1, 1) == ":" && one ~ /[^ -~]/) bad()
            }
        }
        if (index(text, "\\")) {
            rest = text
            gsub(/\\["\\]/, "", rest)
            if (index(rest, "\\")) bad()
        }
        gsub(/"([^"\\]|\\.)*"/, "", text)
        gsub(/true|false|null/, "", text)
        if (text ~ /[^][{}:,0-9-]/ || text ~ /-0/ || text ~ /-[^0-9]/) bad()
        if (text ~ /[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]/) {
            rest = text
            gsub(/[^0-9]+/, " ", rest)
            n = split(rest, number, " ")
            for (i = 1; i <= n; i++)
                if (length(number[i]) > 16 || (length(number[i]) == 16 && "x" number[i] > "x9007199254740991")) bad()
        }
        rest = text
        if (gsub(/[[{]/, "", rest) > 64) {
            depth = 0
            for (i = 1; i <= length(text); i++) {
                one = substr(text, i, 1)
                if (one == "[" || one == "{") { if (++depth > 64) bad() }
                else if (one == "]" || one == "}") depth--
            }
        }
    }
    END { print "end" }'

# shellcheck disable=SC2016
MEMBERS='
    if type != "object" or keys != ["actor", "body", "boot", "ceremony", "kind", "mono_ns", "outcome", "prev", "recorded_by",
            "salt", "seq", "step", "utc", "v"]
        or .v != 1 or (.body | type) != "object" or (.seq | type) != "number" or (.mono_ns | type) != "number"
        or ([.actor, .boot, .ceremony, .kind, .outcome, .prev, .recorded_by, .salt, .step, .utc] | map(type) | unique) != ["string"]
    then "bad"
    else ["r", .seq, .mono_ns, .ceremony, .prev, .salt, .utc, .outcome, .boot] | @tsv
    end'

# The first line that does not follow, and why.
# shellcheck disable=SC2016
CHAIN='
    function bad(why) { print FNR "\t" why; exit }
    function is_hex(text, size) { return length(text) == size && text !~ /[^0-9a-f]/ }
    function is_time(text,    parts, days) {
        if (text !~ /^[1-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9]\.[0-9][0-9][0-9][0-9][0-9][0-9]Z$/)
            return 0
        split(text, parts, /[-T:.]/)
        days = substr("312831303130313130313031", parts[2] * 2 - 1, 2) + 0
        if (parts[2] + 0 == 2 && (parts[1] % 4 == 0 && parts[1] % 100 || parts[1] % 400 == 0)) days = 29
        return parts[2] >= 1 && parts[2] <= 12 && parts[3] >= 1 && parts[3] <= days && parts[4] < 24 && parts[5] < 60 && parts[6] < 60
    }
    BEGIN { sum[0] = "0000000000000000000000000000000000000000000000000000000000000000" }
    FILENAME == "chain" { sum[FNR] = $0; next }
    $1 != "r" { bad("does not have the members of a record") }
    "x" $2 != "x" (FNR - 1) { bad("stands where another record should") }
    $3 ~ /^-/ { bad("has a clock below nought") }
    !is_hex($4, 32) || !is_hex($5, 64) || !is_hex($6, 32) { bad("has a member that is not hex digits") }
    !is_time($7) { bad("has no time in its one form") }
    $8 != "ok" && $8 != "fail" && $8 != "refused" && $8 != "pending" { bad("has an unknown outcome") }
    "x" $5 != "x" sum[FNR - 1] { bad("does not name the hash of the line before it") }
    FNR > 1 && "x" $4 != "x" ceremony { bad("belongs to another ceremony") }
    FNR > 1 && "x" $9 == "x" boot && $3 + 0 < clock + 0 { bad("is older than the record before it") }
    { ceremony = $4; boot = $9; clock = $3 }
    END { print "end" }'

# --- what the records say ------------------------------------------------------------

# One fact a line, with a letter for what it is and the number of its record.
# shellcheck disable=SC2016
FACTS='
    def strings: all(.[]; type == "string");
    def unread: ["B", .seq];
    def roots($step; $rows):
        if ($rows | type) == "array" then
            $rows[] | if type == "object" and ([.serial, .spki] | strings) then ["R", $step, .serial, .spki] else ["R", $step] end
        elif $rows == null then empty else ["R", $step] end;
    (.seq | tostring) as $seq | .kind as $kind
    | (["K", $seq, $kind],
        if $kind == "open" then ["O", $seq]
        elif $kind == "intent" or $kind == "result" then
            if [.body.action, .body.key] | strings then
                ["A", $seq, $kind, .body.action, .body.key, .outcome],
                (select($kind == "result" and .body.action == "sign-head" and .outcome == "ok")
                    | if [.body.head, .body.signature] | strings then ["H", $seq, .body.key, .body.head, .body.signature]
                      else ["H", $seq, .body.key, "-", "-"] end)
            else unread end
        elif $kind == "files" then
            if (.body.files | type) == "object" then
                .body.files | to_entries[] | ["P", $seq, .key, (.value | tostring)]
            else unread end
        elif $kind == "set-aside" then
            if .body.store == "folder" then
                if [.body.path, .body.to, .body.sha256] | strings then ["S", $seq, .body.path, .body.to, .body.sha256] else unread end
            elif .body.store == null then unread else empty end
        elif $kind == "token" then ["T", $seq, (.body.software == false | tostring)]
        elif $kind == "end" then
            if .body | has("made") then
                ["E", $seq, .step],
                (.step as $step | .body.made | select(type == "object")
                    | if $step == "root-keys" or $step == "restore" then roots($step; .keys)
                      elif $step == "tokens" then roots($step; .signing) else empty end)
            else unread end
        elif $kind == "again" then
            if .body.step | type == "string" then ["E", $seq, .body.step] else unread end
        elif $kind == "close" then
            (["C", $seq, "report", (.body.report | if type == "string" then . else "-" end)],
             ["C", $seq, "inventory", (.body.inventory | if type == "string" then "x" + . else "-" end)],
             ["C", $seq, "deviations", (.body.deviations | if type == "number" then tostring else "-" end)],
             ["C", $seq, "open_intents", (.body.open_intents | if type == "number" then tostring else "-" end)],
             ["C", $seq, "utc", .utc],
             (.body.counts | if type == "object" then
                to_entries[] | ["N", $seq, .key, (.value | if type == "number" then tostring else "-" end)]
              else ["C", $seq, "counts", "-"] end))
        else empty end)
    | @tsv'

# shellcheck disable=SC2016
OPENING='
    (["form", (.body.form | if type == "string" then . else "-" end)],
     ["mode", (.body.mode | if type == "string" then . else "-" end)],
     ["ceremony", .ceremony],
     ["kind", (.body.plan | if type == "object" then .kind else "-" end | if type == "string" then . else "-" end)],
     (.body.quorum | if type == "object" then
        to_entries[] | ["quorum", .key, (.value | if type == "number" then tostring else "-" end)]
      else empty end),
     (.body.people | if type == "array" then
        .[] | if type == "object" and has("organisation") and has("independent") and ([.name, .role, .key] | all(type == "string"))
          then ["person", .role, (.independent == true | tostring), .key, .name] else ["unread"] end
      else empty end))
    | @tsv'

read_facts() {
    jq -r "$FACTS" <log >facts 2>/dev/null || trouble 'the records cannot be read with this jq'
    [ "$(awk -F '\t' '$1 == "K" { n++ } END { print n + 0 }' facts)" -eq "$records" ] || trouble 'the records cannot be read to their end'
    head -n 1 log | jq -r "$OPENING" >opening 2>/dev/null || trouble 'the first record cannot be read with this jq'
    head -n 1 log | jq -r '.body.people | if type == "array" then .[] else empty end | if type == "object" and has("organisation")
        and has("independent") and ([.name, .role, .key] | all(type == "string")) then .name else empty end' >person_names 2>/dev/null ||
        trouble 'the first record cannot be read with this jq'
    awk -F '\t' '$1 == "B" { print "F\trecord " $2 "\tdoes not say what a record of its kind says" }' facts >>verdicts
    mode=$(awk -F '\t' '$1 == "mode" { print $2 }' opening)
    ceremony=$(awk -F '\t' '$1 == "ceremony" { print $2 }' opening)
    kind=$(awk -F '\t' '$1 == "kind" { print $2 }' opening)
    closed=$(awk -F '\t' '$1 == "K" && $3 == "close" { n = 1 } END { print n + 0 }' facts)
}

# --- rule 3: opening -------------------------------------------------------------------

check_opening() {
    first=$(awk -F '\t' '$1 == "K" { print $3; exit }' facts)
    if [ "$first" != open ] || [ "$(awk -F '\t' '$1 == "form" { print $2 }' opening)" != ceremony/v1 ]; then
        failed ceremony.jsonl 'does not begin with the record that opens a ceremony'
        finish early
    fi
    if [ "$(awk -F '\t' '$1 == "O" { n++ } END { print n + 0 }' facts)" -ne 1 ]; then
        failed ceremony.jsonl 'opens a ceremony twice'
    fi
    case $mode in
        practice | production) ;;
        *) failed 'record 0' 'names an unknown mode' ;;
    esac
    done_with opening
}

# --- rule 4: close -----------------------------------------------------------------------

check_close() {
    if [ "$closed" -eq 0 ]; then
        incomplete ceremony.jsonl "$records records chain; there is no close record"
        done_with close
        return
    fi
    awk -F '\t' -v records="$records" -v torn="$torn" '
        function fail(subject, text) { print "F\t" subject "\t" text; bad = 1 }
        $1 == "K" { kind[$3]++; if ($3 == "close") { closes++; at = $2 } }
        $1 == "A" && $3 == "intent" { open[$4 "\t" $5] = 1 }
        $1 == "A" && $3 == "result" { delete open[$4 "\t" $5] }
        $1 == "P" && $3 == "evidence/inventory.json" { inventory = $4 }
        $1 == "S" && $3 == "evidence/inventory.json" { inventory = "" }
        $1 == "S" && $4 == "evidence/inventory.json" { inventory = $5 }
        $1 == "C" { said[$3] = $4 }
        $1 == "N" { count[$3] = $4 }
        END {
            if (closes != 1 || at + 1 != records || torn + 0) fail("ceremony.jsonl", "goes on after its close record")
            for (act in open) { split(act, part, "\t"); fail("ceremony.jsonl", "was closed with an open act: " part[1] " " part[2]) }
            if ("x" said["open_intents"] != "x0") fail("close", "its open intents is not what the log holds")
            if ("x" said["deviations"] != "x" (kind["deviation"] + 0)) fail("close", "its deviations is not what the log holds")
            if ("x" said["inventory"] != "xx" inventory) fail("close", "its inventory is not what the log holds")
            delete kind["close"]
            for (one in kind) if (kind[one] && "x" count[one] != "x" kind[one]) wrong = 1
            for (one in count) if (!(one in kind) || !kind[one]) wrong = 1
            if (wrong || "counts" in said) fail("close", "its counts is not what the log holds")
            if (!bad) print "O\tceremony.jsonl\t" records " records chain, from open to close"
            print "D\tclose"
        }' facts >judged || trouble 'the close cannot be judged'
    sort judged >>verdicts
}

# --- rules 5 and 6: files and manifest -----------------------------------------------------

check_files() {
    # What the records name in the end: "digest<TAB>path".
    awk -F '\t' '
        $1 == "P" { name[$3] = $4 }
        $1 == "S" { delete name[$3]; name[$4] = $5 }
        $1 == "C" && $3 == "report" { name["report.html"] = $4 }
        END { for (path in name) print name[path] "\t" path }' facts >recorded || trouble 'the records cannot be judged'
    sort recorded >recorded_sorted && mv recorded_sorted recorded
    highest=$(awk -F '\t' '
        $2 ~ /^heads\/[0-9][0-9][0-9][0-9]\.txt$/ { n = substr($2, 7, 4) + 0; if (n > top) top = n }
        END { print top + 0 }' recorded)
    signed_head=heads/$(printf '%04d' "$highest").txt
    last_head=heads/$(printf '%04d' $((highest + 1))).txt
    awk -v closed="$closed" -v last="$last_head" '
        FILENAME == "recorded" { at = index($0, "\t"); name[substr($0, at + 1)] = substr($0, 1, at - 1); next }
        { path = substr($0, 67); sum[path] = substr($0, 1, 64) }
        END {
            for (path in name) {
                all++
                if (!(path in sum)) print "F\t" path "\tis recorded, and is not there"
                else if ("x" sum[path] != "x" name[path]) print "F\t" path "\tis not the file that was recorded"
                else good++
            }
            if (closed && good == all) print "O\tfiles\t" good + 0 " of " all + 0 " recorded files are as recorded"
            for (path in sum) {
                if (path in name || path == "ceremony.jsonl") continue
                if (closed && (path == last || path == "MANIFEST.sha256")) continue
                if (path ~ /^heads\/[0-9][0-9][0-9][0-9]\.[a-z0-9-]+\.sig$/ && path !~ /^heads\/0000/) continue
                print (closed + 0 ? "F" : "I") "\t" path "\tis named by no record"
            }
            print "D\tfiles"
        }' recorded sums >judged || trouble 'the files cannot be judged'
    sort judged >>verdicts
}

check_manifest() {
    there=$(awk 'substr($0, 67) == "MANIFEST.sha256" { print substr($0, 1, 64) }' sums)
    if [ -z "$there" ]; then
        incomplete MANIFEST.sha256 'is not written yet'
        done_with manifest
        return
    fi
    # It has one form, so it is made anew; `sums` is in its order already.
    awk '
        { path = substr($0, 67) }
        path == "MANIFEST.sha256" || (path ~ /^heads\/[0-9][0-9][0-9][0-9]\.[a-z0-9-]+\.sig$/ && path !~ /^heads\/0000/) { next }
        { print }' sums >manifest || trouble 'the manifest cannot be judged'
    if [ "$(digest manifest)" = "$there" ]; then
        holds MANIFEST.sha256 "names $(($(wc -l <manifest))) files"
    else
        failed MANIFEST.sha256 'is not in its one form, or does not name exactly the files that are there, with their digests'
    fi
    done_with manifest
}

# --- rule 7: heads ----------------------------------------------------------------------------

# The Merkle tree hash (RFC 6962) of each number of records in the file `sizes`, into `trees`: "number hash".
merkle_trees() {
    awk 'BEGIN { mark = sprintf("%c", 1) } { print mark $0 }' log | tr '\001' '\000' >leaves
    awk '{ print "size " $1 }' sizes >levels
    hash_pieces -l 1 leaves >level
    height=0
    while :; do
        awk -v height="$height" '{ print height " " $0 }' level >>levels || trouble 'the tree cannot be judged'
        [ "$(wc -l <level)" -gt 1 ] || break
        awk 'NR % 2 { left = $0; next } { print "01" left $0 }' level | unhex >nodes
        height=$((height + 1))
        hash_pieces -b 65 nodes >level
    done
    # The complete subtrees of each size, largest first; then they are joined from the right.
    awk -v top="$height" '
        $1 == "size" { size[++n] = $2; next }
        { node[$1, ++nodes[$1]] = $2 }
        END {
            for (i = 1; i <= n; i++) {
                line = size[i]
                at = 0
                width = 1
                for (k = 0; k < top; k++) width *= 2
                for (k = top; k >= 0; k--) {
                    if (size[i] - at >= width) { line = line " " node[k, at / width + 1]; at += width }
                    width /= 2
                }
                print line
            }
        }' levels >trees || trouble 'the tree cannot be judged'
    while [ "$(awk 'NF > 2 { n = 1 } END { print n + 0 }' trees)" -ne 0 ]; do
        awk 'NF > 2 { print "01" $(NF - 1) $NF }' trees | unhex >nodes
        hash_pieces -b 65 nodes >joined
        awk '
            FILENAME == "joined" { sum[FNR] = $1; next }
            NF > 2 { line = $1; for (i = 2; i < NF - 1; i++) line = line " " $i; print line " " sum[++n]; next }
            { print }' joined trees >shorter || trouble 'the tree cannot be judged'
        mv shorter trees
    done
}

check_heads() {
    awk -F '\t' '$2 ~ /^heads\/[0-9]*\.txt$/ && $2 != "heads/0000.txt"' copies >heads
    while IFS='	' read -r number path; do
        entries=$(sed -n '3s/^entries: \([1-9][0-9]*\)$/\1/p' "copy/$number")
        [ ${#entries} -le 9 ] || entries=999999999
        printf '%s\t%s\t%s\n' "$path" "$number" "${entries:-0}"
    done <heads >stated
    awk -F '\t' -v records="$records" '$3 > 0 && $3 <= records + 0 { print $3 } END { print records }' stated | sort -n -u >sizes
    merkle_trees
    fresh expected
    while read -r entries tree; do
        head -n "$entries" log >prefix
        printf 'ceremony-head/v1\norigin: ceremony/%s\nentries: %s\nbytes: %s\nsha256: %s\nchain: %s\nmerkle: %s\n' "$ceremony" \
            "$entries" "$(($(wc -c <prefix)))" "$(digest prefix)" "$(sed -n "${entries}p" chain)" "$tree" >"expected/$entries"
    done <trees
    awk '{ print "expected/" $1 }' trees | sums | sed 's|\./expected/||' >expected_sums
    awk -v records="$records" -v closed="$closed" -v last="$last_head" '
        FILENAME == "expected_sums" { wanted[$2] = $1; next }
        FILENAME == "sums" { sum[substr($0, 67)] = substr($0, 1, 64); next }
        {
            split($0, part, "\t")
            path = part[1]; entries = part[3]
            if (entries + 0 > records + 0) print "F\t" path "\tstates more records than the log has (" records "): its tail was cut"
            else if (!(entries in wanted) || "x" sum[path] != "x" wanted[entries]) print "F\t" path "\tdoes not state this log"
            else { print "O\t" path "\tstates the first " entries " records"; good[path] = entries }
        }
        END {
            if (closed && !(last in sum)) print "I\t" last "\tis not written yet"
            else if (closed && "x" good[last] != "x" records) print "F\t" last "\tis not the head of the whole log"
            print "D\theads"
        }' expected_sums sums stated >head_verdicts || trouble 'the heads cannot be judged'
    cat head_verdicts >>verdicts
}

# --- rule 8: people and their signatures ----------------------------------------------------------

# shellcheck disable=SC2016
SLUG='
    function slug(name, sum) {
        name = tolower(name)
        gsub(/[^a-z0-9]+/, "-", name)
        gsub(/^-+|-+$/, "", name)
        name = substr(name, 1, 40)
        return (name == "" ? "x" : name) "-" substr(sum, 1, 8)
    }'

# Functions over the hex digits of SSH data (RFC 4251).
# shellcheck disable=SC2016
SSH='
    function value(text,    i, n) {
        n = 0
        for (i = 1; i <= length(text); i++) n = n * 16 + index("0123456789abcdef", substr(text, i, 1)) - 1
        return n
    }
    function start(text) { data = text; at = 1; short = 0 }
    function take(count,    piece) {
        piece = substr(data, at, 2 * count)
        at += 2 * count
        if (length(piece) != 2 * count) short = 1
        return piece
    }
    function string(    size) { size = value(take(4)); if (short) return ""; return take(size) }
    function ended() { return !short && at == length(data) + 1 }
    function ascii(text,    i, out) {
        out = ""
        for (i = 1; i <= length(text); i++) out = out sprintf("%02x", index(letters, substr(text, i, 1)) + 31)
        return out
    }
    # Not below nought, in its shortest form.
    function minimal(number) { return number == "" || number ~ /^[1-7]/ || number ~ /^0[1-9a-f]/ || number ~ /^00[89a-f]/ }
    function numbers(text,    one, two) {
        start(text)
        one = string(); two = string()
        return ended() && minimal(one) && minimal(two)
    }
    BEGIN { for (i = 32; i < 127; i++) letters = letters sprintf("%c", i) }'

# One line: kind, blob in hex. "ok" and the bytes of an RSA modulus, or why it is no key.
# shellcheck disable=SC2016
KEY='
    function bits(number) { return length(number) * 4 - (number ~ /^1/ ? 3 : number ~ /^[23]/ ? 2 : number ~ /^[4-7]/ ? 1 : 0) }
    function curve(name, half,    point) {
        if (string() != ascii(name)) return 0
        point = string()
        return length(point) == 2 + 4 * half && point ~ /^04/
    }
    {
        kind = $1
        start($2)
        good = string() == ascii(kind)
        size = 0
        if (kind == "ssh-ed25519") good = good && length(string()) == 64
        else if (kind == "ecdsa-sha2-nistp256") good = good && curve("nistp256", 32)
        else if (kind == "ecdsa-sha2-nistp384") good = good && curve("nistp384", 48)
        else if (kind == "ecdsa-sha2-nistp521") good = good && curve("nistp521", 66)
        else if (kind == "ssh-rsa") {
            power = string(); modulus = string()
            good = good && minimal(power) && minimal(modulus) && power != ""
            sub(/^0+/, "", modulus)
            good = good && bits(modulus) >= 2048
            size = int((bits(modulus) + 7) / 8)
        } else if (kind == "sk-ssh-ed25519@openssh.com") good = good && length(string()) == 64 && index(string(), ascii("ssh:")) == 1
        else if (kind == "sk-ecdsa-sha2-nistp256@openssh.com") good = good && curve("nistp256", 32) && index(string(), ascii("ssh:")) == 1
        else good = 0
        print good && ended() ? "ok " size : "bad"
    }'

# One line: kind, blob of the key in hex, bytes of its modulus, blob of the signature in hex. "ok", or why it does not count.
# shellcheck disable=SC2016
SIGNATURE='
    function bad(why) { print why; failed = 1; exit }
    # S of Ed25519, little-endian (RFC 8032, 5.1.7): ssh-keygen takes a second one for each.
    function below_order(text,    i, turned) {
        turned = ""
        for (i = 127; i > 64; i -= 2) turned = turned substr(text, i, 2)
        return "x" turned < "x1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed"
    }
    {
        kind = $1; key = $2; size = $3
        start($4)
        if (take(6) != ascii("SSHSIG") || take(4) != "00000001") bad("is not an SSH signature")
        if (string() != key) bad("was made by another key than that of the first record")
        if (string() != ascii("ceremony-head")) bad("is for another namespace than ceremony-head")
        if (string() != "") bad("holds something where nothing stands")
        hash = string()
        if (hash != ascii("sha256") && hash != ascii("sha512")) bad("is over a hash other than sha256 and sha512")
        made = string()
        if (!ended()) bad("ends too early, or something stands behind it")
        start(made)
        form = string()
        signature = string()
        if (kind == "ssh-rsa") {
            if (form != ascii("rsa-sha2-256") && form != ascii("rsa-sha2-512")) bad("is by RSA with another hash than SHA-256 and SHA-512")
            if (length(signature) != 2 * size) bad("is not as long as its key")
        } else if (form != ascii(kind)) bad("is in the format of another key")
        if (kind ~ /^sk-/) {
            flags = take(1)
            take(4)
            if (flags !~ /[13579bdf]$/) bad("was made by a security key that nobody touched")
        }
        if (!ended()) bad("ends too early, or something stands behind it")
        if (kind ~ /ecdsa/ && !numbers(signature)) bad("holds numbers in another than their one form")
        if (kind ~ /ed25519/ && length(signature) != 128) bad("is not as long as its key asks for")
        if (kind ~ /ed25519/ && !below_order(signature)) bad("holds a number that is not below the order of its curve")
        print "ok"
    }'

# A key as one line, "type base64 [comment]": into $2.line (without comment), $2.hex; or nothing.
read_key() {
    rm -f "$2.line" "$2.hex" "$2.size"
    key=$1
    while :; do
        case $key in
            ' '*) key=${key# } ;;
            *' ') key=${key% } ;;
            *) break ;;
        esac
    done
    type=${key%% *}
    [ "$type" != "$key" ] || return 1
    key=${key#* }
    key=${key%% *}
    [ -n "$key" ] && unbase64 "$key" "$2.blob" || return 1
    hex "$2.blob" >"$2.hex"
    judged=$(printf '%s %s\n' "$type" "$(cat "$2.hex")" | awk "$SSH$KEY")
    case $judged in 'ok '*) ;; *) return 1 ;; esac
    printf '%s' "${judged#ok }" >"$2.size"
    printf '%s %s\n' "$type" "$key" >"$2.line"
}

# The people of record 0: number, slug, role, independent, plain key (type and base64), name; and their keys.
read_people() {
    fresh person
    number=0
    while IFS= read -r name; do
        number=$((number + 1))
        printf '%s' "$name" >"person/$number.name"
    done <person_names
    awk '{ print "person/" NR ".name" }' person_names | sums | awk '{ print $1 }' >person_sums
    awk -F '\t' "$SLUG"'
        FILENAME == "person_sums" { sum[FNR] = $1; next }
        FILENAME == "person_names" { name[FNR] = $0; next }
        $1 == "unread" { print "unread"; next }
        $1 == "person" {
            n++
            words = split($4, word, " ")
            plain = words ? word[1] (words > 1 ? " " word[2] : "") : ""
            print n "\t" slug(name[n], sum[n]) "\t" $2 "\t" $3 "\t" plain "\t" $5
        }' person_sums person_names opening >people || trouble 'the people cannot be judged'
    awk -F '\t' '
        function fail(text) { print "F\trecord 0\t" text }
        $1 == "unread" { fail("names a person in a way that cannot be read"); next }
        $3 !~ /^(administrator|operator|security-officer|witness|auditor|custodian)$/ { fail("names a person in a role that is none") }
        $5 != "" && ($5 in key) { fail($6 " and " key[$5] " have one key") }
        $2 in slug { fail($6 " and " slug[$2] " have one name") }
        { key[$5] = $6; slug[$2] = $6 }
        END { print "D\tpeople" }' people >>verdicts || trouble 'the people cannot be judged'
    awk -F '\t' '$1 == "person" { print $4 }' opening >person_keys
    number=0
    while IFS= read -r line; do
        number=$((number + 1))
        read_key "$line" "person/$number" || rm -f "person/$number.line"
    done <person_keys
}

# A signature, a person and a statement, by the numbers of their copies and of the person: why it does not hold, or nothing.
judge_signature() {
    if [ ! -f "person/$2.line" ]; then
        printf 'is by somebody whose key in the first record is none\n'
        return
    fi
    rm -f blob
    sed '1d;$d' "copy/$1" | base64 -d >blob 2>/dev/null
    {
        printf '%s\n' '-----BEGIN SSH SIGNATURE-----'
        base64 -w 70 <blob
        printf '%s\n' '-----END SSH SIGNATURE-----'
    } >armor
    if [ "$(digest armor)" != "$(digest "copy/$1")" ]; then
        printf 'is not an SSH signature in its one form\n'
        return
    fi
    read -r type key <"person/$2.line"
    judged=$(printf '%s %s %s %s\n' "$type" "$(cat "person/$2.hex")" "$(cat "person/$2.size")" "$(hex blob)" | awk "$SSH$SIGNATURE")
    if [ "$judged" != ok ]; then
        printf '%s\n' "${judged:-is not an SSH signature}"
        return
    fi
    printf 'person namespaces="ceremony-head" %s %s\n' "$type" "$key" >allowed
    ssh-keygen -Y verify -f allowed -I person -n ceremony-head -s "copy/$1" <"copy/$3" >/dev/null 2>&1 ||
        printf 'does not verify with the key of the first record\n'
}

check_signatures() {
    # Number of the copy, path, number of the person (0: nobody), number of the statement's copy (0: none), role, name.
    awk -F '\t' '
        FILENAME == "people" { if ($1 != "unread") { who[$2] = $1; role[$2] = $3; name[$2] = $6 }; next }
        { copy[$2] = $1 }
        $2 ~ /^heads\/[0-9][0-9][0-9][0-9]\..*\.sig$/ && $2 !~ /^heads\/0000/ { sig[++n] = $2 }
        END {
            for (i = 1; i <= n; i++) {
                slug = substr(sig[i], 12, length(sig[i]) - 15)
                head = substr(sig[i], 1, 10) ".txt"
                print copy[sig[i]] "\t" sig[i] "\t" who[slug] + 0 "\t" copy[head] + 0 "\t" (slug in role ? role[slug] : "-") "\t" name[slug]
            }
        }' people copies >signatures || trouble 'the signatures cannot be judged'
    : >signed
    while IFS='	' read -r number path who statement role name; do
        if [ "$who" -eq 0 ] || [ "$statement" -eq 0 ]; then
            failed "$path" 'is a signature of nobody in the first record, or over no head'
            continue
        fi
        why=$(judge_signature "$number" "$who" "$statement")
        if [ -n "$why" ]; then
            failed "$path" "$why"
        else
            holds "$path" "$name ($role) signed it"
            [ "${path%%.*}.txt" != "$last_head" ] || printf '%s\n' "$who" >>signed
        fi
    done <signatures
    done_with signatures
}

# --- rules 9 and 12: the quorum, and whom to take --------------------------------------------------

# The lines of an auditor's signers: names, type and base64, first and last second; or the first line that is refused.
# shellcheck disable=SC2016
SIGNERS='
    function refuse(text) { print "refused\t" FNR "\t" text; refused = 1; exit }
    function plain(text) { return text ~ /^[A-Za-z0-9._@-]+(,[A-Za-z0-9._@-]+)*$/ }
    function moment(text,    days) {
        if (text !~ /^[0-9]+Z$/ || (length(text) != 9 && length(text) != 13 && length(text) != 15)) return ""
        text = substr(substr(text, 1, length(text) - 1) "000000", 1, 14)
        days = substr("312831303130313130313031", substr(text, 5, 2) * 2 - 1, 2) + 0
        year = substr(text, 1, 4)
        if (substr(text, 5, 2) == "02" && (year % 4 == 0 && year % 100 || year % 400 == 0)) days = 29
        if (substr(text, 5, 2) + 0 < 1 || substr(text, 5, 2) + 0 > 12 || substr(text, 7, 2) + 0 < 1 || substr(text, 7, 2) + 0 > days) return ""
        if (substr(text, 9, 2) > 23 || substr(text, 11, 2) > 59 || substr(text, 13, 2) > 59) return ""
        return "x" text > "x19700101000000" ? text : ""
    }
    # Sets after and before.
    function options(text,    rest, name, said, seen, i, n, list, good) {
        rest = text
        while (rest != "") {
            if (!match(rest, /^[^,="]+="[^"]*"/)) refuse("neither a type of key nor options")
            name = substr(rest, 1, index(rest, "=") - 1)
            said = substr(rest, length(name) + 3, RLENGTH - length(name) - 3)
            rest = substr(rest, RLENGTH + 1)
            if (rest == ",") refuse("a comma at the end of its options")
            if (rest != "" && substr(rest, 1, 1) != ",") refuse("neither a type of key nor options")
            rest = substr(rest, 2)
            if (name in seen) refuse("an option twice")
            seen[name] = 1
            if (name == "namespaces") {
                good = 0
                n = split(said, list, ",")
                for (i = 1; i <= n; i++) if (list[i] == "ceremony-head") good = 1
                if (!good || !plain(said)) refuse("namespaces that do not name ceremony-head")
            } else if (name == "valid-after") {
                after = moment(said)
                if (after == "") refuse("a time that is not one such as 20261119Z or 202611190914Z, in UTC")
            } else if (name == "valid-before") {
                before = moment(said)
                if (before == "") refuse("a time that is not one such as 20261119Z or 202611190914Z, in UTC")
            } else refuse("an option that is not known")
        }
    }
    function longest(text,    list, i, n, most) {
        n = split(text, list, ",")
        for (i = 1; i <= n; i++) if (length(list[i]) > most) most = length(list[i])
        return most
    }
    $0 == "" || /^#/ { next }
    {
        names = $0; sub(/ .*/, "", names)
        rest = $0
        if (!sub(/^[^ ]* /, "", rest) || !plain(names) || longest(names) > 255)
            refuse("something that does not begin with names of signature files")
        first = rest; sub(/ .*/, "", first)
        after = ""; before = ""
        if (first !~ /^(ssh-ed25519|ecdsa-sha2-nistp(256|384|521)|ssh-rsa|sk-ssh-ed25519@openssh\.com|sk-ecdsa-sha2-nistp256@openssh\.com)$/) {
            if (first == "") refuse("more than one blank between two fields")
            options(first)
            if (!sub(/^[^ ]* /, "", rest)) refuse("no key")
        }
        if (rest ~ /^ /) refuse("more than one blank between two fields")
        if (after != "" && before != "" && "x" before <= "x" after) refuse("a valid-before that is not later than its valid-after")
        print FNR "\t" names "\t" (after == "" ? "-" : after) "\t" (before == "" ? "-" : before) "\t" rest
    }
    END { if (!refused) print "end" }'

refuse_signers() { failed signers "line $1 has $2, and is refused"; }

# Into `listed`: names, first and last second, type and base64.
read_signers() {
    : >listed
    if [ "$(wc -c <signers)" -gt 1048576 ]; then
        failed signers 'is longer than the 1048576 bytes that are read'
        return
    fi
    bad_byte=$(tr '\000-\011\013-\037\177-\377' '[\001*]' <signers | awk 'BEGIN { bad = sprintf("%c", 1) } index($0, bad) { print NR; exit }')
    if [ -n "$bad_byte" ]; then
        refuse_signers "$bad_byte" 'something else than printable ASCII'
        return
    fi
    awk "$SIGNERS" signers >signer_lines || trouble 'the signers cannot be judged'
    case $(tail -n 1 signer_lines) in end) ;; refused*) ;; *) trouble 'the signers cannot be read to their end' ;; esac
    while IFS='	' read -r number names after before line; do
        case $number in
            end) break ;;
            refused)
                refuse_signers "$names" "$after"
                break
                ;;
        esac
        if read_key "$line" signer && ssh-keygen -l -f signer.line >/dev/null 2>&1; then
            printf '%s\t%s\t%s\t%s\n' "$names" "$after" "$before" "$(cat signer.line)" >>listed
        else
            refuse_signers "$number" 'no key in its one form'
            break
        fi
    done <signer_lines
}

check_quorum() {
    # A person whose key is none has none, whatever it says.
    awk -F '\t' '$1 != "unread" { print $1 }' people | while read -r number; do
        if [ -f "person/$number.line" ]; then
            printf '%s\t%s\n' "$number" "$(cat "person/$number.line")"
        fi
    done >good_keys
    : >listed
    [ "$brought" -eq 0 ] || read_signers
    awk -F '\t' -v closed="$closed" -v brought="$brought" -v mode="$mode" '
        FILENAME == "good_keys" { key[$1] = $2; next }
        FILENAME == "listed" {
            n = split($1, list, ",")
            for (i = 1; i <= n; i++) {
                lists[list[i]] = 1
                any[list[i], $4] = 1
                if (($2 == "-" || "x" $2 <= "x" at) && ($3 == "-" || "x" at <= "x" $3)) takes[list[i], $4] = 1
            }
            next
        }
        FILENAME == "facts" {
            if ($1 == "C" && $3 == "utc") { at = substr($4, 1, 19); gsub(/[-T:]/, "", at) }
            next
        }
        FILENAME == "opening" {
            if ($1 == "quorum") {
                roles++
                need[$2] = $3
                if ($3 == "-" || $2 !~ /^(administrator|operator|security-officer|witness|auditor|custodian)$/) unknown = 1
            }
            next
        }
        FILENAME == "signed" { signed[$1] = 1; next }
        $1 == "unread" { next }
        brought + 0 && ($2 in lists) && !(($1 in key) && (($2, key[$1]) in any)) {
            print "F\trecord 0\t" $6 " has another key there than those that the signers list"
        }
        $1 in signed && (!(brought + 0) || (($1 in key) && (($2, key[$1]) in takes))) {
            people++
            who = $5 == "" ? $6 : $5
            if (!(($3, who) in once)) { once[$3, who] = 1; have[$3]++ }
            if ($4 == "true") independent = 1
        }
        END {
            met = roles && independent && !unknown
            for (role in need) if (have[role] + 0 < need[role] + 0) met = 0
            if (closed + 0 && unknown) print "F\trecord 0\tnames a quorum of unknown roles or numbers"
            else if (closed + 0 && met) print "O\tquorum\t" people " people signed the final head"
            else if (closed + 0) print "I\tquorum\tthe final head lacks signatures that the plan asks for" (brought + 0 ? ", of people whom the signers list" : "")
            anchored = closed + 0 && met && brought + 0
            if (anchored) print "O\tmode\t" toupper(mode) ": " people " people signed with keys that were brought from outside"
            else if (mode == "practice") print "O\tmode\tPRACTICE: judged by the practice people that its first record names"
            else print "I\tmode\tPRODUCTION: a folder cannot vouch for itself; its people and their keys must come from outside it"
            print "D\tquorum"
        }' good_keys facts opening signed listed people >>verdicts || trouble 'the quorum cannot be judged'
}

# --- rule 10: root ----------------------------------------------------------------------------------

# r and s, each half of the hex digits, as the DER that openssl takes.
# shellcheck disable=SC2016
DER='
    function number(text) {
        sub(/^(00)+/, "", text)
        if (text == "") text = "00"
        if (text ~ /^[89a-f]/) text = "00" text
        return "02" sprintf("%02x", length(text) / 2) text
    }
    { body = number(substr($0, 1, length($0) / 2)) number(substr($0, length($0) / 2 + 1)); print "30" sprintf("%02x", length(body) / 2) body }'

# SubjectPublicKeyInfo in $1, in its one form, into root.pem; sets `algorithm` and the bytes of a signature.
read_root() {
    unbase64 "$1" root.der || return 1
    case $(hex root.der) in
        3059301306072a8648ce3d020106082a8648ce3d03010703420004*) algorithm=ecdsa bytes=64 ;;
        3076301006072a8648ce3d020106052b8104002203620004*) algorithm=ecdsa bytes=96 ;;
        308201a2300d06092a864886f70d01010105000382018f003082018a0282018100[89a-f]*) algorithm=rsa bytes=384 ;;
        30820222300d06092a864886f70d01010105000382020f003082020a0282020100[89a-f]*) algorithm=rsa bytes=512 ;;
        302a300506032b6570032100*) algorithm=ed25519 bytes=64 ;;
        *) return 1 ;;
    esac
    openssl pkey -pubin -inform DER -in root.der -pubout -outform DER -out again.der 2>/dev/null || return 1
    [ "$(digest again.der)" = "$(digest root.der)" ] || return 1
    openssl pkey -pubin -inform DER -in root.der -pubout -out root.pem 2>/dev/null
}

# Verifies root.sig (as openssl takes it) over a file with root.pem.
verify_root() {
    case $algorithm in
        ecdsa) openssl dgst -sha256 -verify root.pem -signature root.sig "$1" ;;
        rsa) openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -sigopt rsa_mgf1_md:sha256 \
            -verify root.pem -signature root.sig "$1" ;;
        *)
            case $(openssl version) in
                'OpenSSL 1.'* | 'OpenSSL 0.'*) trouble 'openssl 3 or later is needed for the Ed25519 key of this root' ;;
            esac
            openssl pkeyutl -verify -pubin -inkey root.pem -rawin -in "$1" -sigfile root.sig
            ;;
    esac >/dev/null 2>&1
}

copy_of() { awk -F '\t' -v path="$1" '$2 "" == path "" { print "copy/" $1 }' copies; }

check_evidence() {
    copy=$(copy_of "$1")
    if [ -z "$copy" ]; then
        failed "$1" "is not there: the $3"
    elif [ "$(digest "$copy")" != "$(digest "$2")" ]; then
        failed "$1" "is not the $3 that the log names"
    fi
}

check_root() {
    if [ "$closed" -eq 0 ]; then
        done_with root
        return
    fi
    # The last `end` of a step counts, and none that an `again` came after.
    awk -F '\t' -v kind="$kind" '
        BEGIN { step = kind == "recovery" ? "restore" : "root-keys" }
        $1 == "E" { for (i in row) if (of[i] == $3) { delete row[i]; delete of[i] } }
        $1 == "R" { n++; row[n] = NF < 4 ? "unread" : $3 "\t" $4; of[n] = $2 }
        END {
            for (i = 1; i <= n; i++) if (i in row && of[i] == "tokens") print row[i]
            for (i = 1; i <= n; i++) if (i in row && of[i] == step) print row[i]
        }' facts >roots_listed || trouble 'the root keys cannot be judged'
    if awk '$0 == "unread" { bad = 1 } END { exit !bad }' roots_listed; then
        failed ceremony.jsonl 'names a root key that cannot be read'
    fi
    # One key a serial, the last one.
    awk -F '\t' '$0 != "unread" { spki[$1] = $2 } END { for (serial in spki) print serial "\t" spki[serial] }' roots_listed | sort >roots
    if [ ! -s roots_listed ]; then
        failed ceremony.jsonl 'is closed and names no root key'
    fi
    statement=$(copy_of "$signed_head")
    after=$(awk -F '\t' '$1 == "A" && $3 == "result" && $4 == "sign-root" { seq = $2 } END { print seq == "" ? -1 : seq }' facts)
    states=$(awk -F '\t' -v path="$signed_head" '$1 "" == path "" { print $3 }' stated)
    if [ -n "$states" ] && [ "$states" -le "$after" ]; then
        failed "$signed_head" 'does not cover every signature that the root made'
    fi
    while IFS='	' read -r serial spki; do
        judge_root "$serial" "$spki"
    done <roots
    done_with root
}

judge_root() {
    if ! read_root "$2"; then
        failed ceremony.jsonl 'names a root key that cannot be read'
        return
    fi
    serial=$1 awk -F '\t' '$1 == "H" && "x" $3 == "x" ENVIRON["serial"] { line = $4 "\t" $5 } END { print line }' facts >result
    IFS='	' read -r said signature <result
    if [ -z "$said" ] || [ -z "$statement" ]; then
        failed close "the root key on token $1 did not sign the head"
        return
    fi
    if ! unbase64 "$signature" wire || [ "$(wc -c <wire)" -ne "$bytes" ]; then
        failed "$signed_head" "the signature of token $1 is not one of its key"
        return
    fi
    mv wire root.sig
    if [ "$algorithm" = ecdsa ]; then
        hex root.sig | awk "$DER" | unhex >der && mv der root.sig
    fi
    if [ "$said" != "$(digest "$statement")" ]; then
        failed "$signed_head" "the signature of token $1 is over another head"
    elif ! verify_root "$statement"; then
        failed "$signed_head" "the signature of token $1 does not hold"
    else
        holds "$signed_head" "the root key on token $1 signed it"
    fi
    place=evidence/tokens/$(safe "$1")
    check_evidence "$place/public.pem" root.pem 'root key'
    check_evidence "$place/head.sig" root.sig 'signature over the head'
}

# A serial as part of a path: as it is where every medium takes it, else as the names of people are.
safe() {
    case $1 in
        *[!A-Za-z0-9.-]* | [.-]* | *[.-] | '')
            printf '%s\n' "$1" | awk '{ gsub(/\\\\/, "\\"); printf "%s", $0 }' >serial
            printf '%s\t%s\n' "$1" "$(digest serial)" | awk -F '\t' "$SLUG"'{ print slug($1, $2) }'
            ;;
        *) printf '%s\n' "$1" ;;
    esac
}

# --- rule 11: mode -------------------------------------------------------------------------------------

check_mode() {
    if [ "$mode" = production ]; then
        awk -F '\t' '
            $1 == "K" && $3 == "substitution" { print "F\trecord " $2 "\tsays that something stands in for the real thing, in a production" }
            $1 == "T" && $3 != "true" { print "F\trecord " $2 "\tnames a software token, in a production" }' facts >>verdicts ||
            trouble 'the mode cannot be judged'
    fi
    done_with mode
}

# --- in this order ----------------------------------------------------------------------------------------

usage() {
    printf 'usage: sh verify.sh [-s SIGNERS] [DIR]\n' >&2
    exit 2
}

main() {
    clean_path
    signers=
    brought=0
    mode=
    while getopts s: option; do
        case $option in
            s) signers=$OPTARG brought=1 ;;
            *) usage ;;
        esac
    done
    shift $((OPTIND - 1))
    [ $# -le 1 ] || usage
    directory=${1-.}
    [ -n "$directory" ] || usage
    check_programs
    case $directory in /*) ;; *) directory=./$directory ;; esac
    case $signers in /*) ;; *) signers=./$signers ;; esac
    [ -d "$directory" ] || trouble "$directory is not a folder; of a tar, unpack it first"
    t=$(mktemp -d) || trouble 'there is no place for temporary files'
    case $t in /*) ;; *) t=$(pwd)/$t ;; esac
    : >"$t/verdicts" || trouble 'the temporary folder cannot be written'
    if [ "$brought" -eq 1 ]; then
        [ -f "$signers" ] || trouble "$signers is not a file"
        cat "$signers" >"$t/signers" 2>/dev/null || trouble "$signers cannot be read"
    fi
    cd "$directory" 2>/dev/null || trouble "$directory cannot be entered"
    list_names
    done_with names
    if ! awk 'substr($0, 67) == "ceremony.jsonl" { n = 1 } END { exit !n }' "$t/sums"; then
        printf 'F\tceremony.jsonl\tis not in this folder\n' >>"$t/verdicts"
        finish early
    fi
    copy_files
    cd "$t" || trouble 'the temporary folder cannot be entered'
    check_copies
    check_log
    if [ "$records" -eq 0 ]; then
        failed ceremony.jsonl 'does not begin with the record that opens a ceremony'
        finish early
    fi
    read_facts
    check_opening
    check_close
    check_files
    check_manifest
    check_heads
    read_people
    check_signatures
    check_quorum
    check_root
    check_mode
    finish whole
}

main "$@"

/** Commands that configure FRR in a container: the frrouting project's images and Debian's packages have these paths. */

const config = "/etc/frr/frr.conf";
const reload = "/usr/lib/frr/frr-reload.py";

/** Exit codes of {@link applyFrrCommand} besides 0 and those of a shell. */
export const frrExit = {
    /** FRR does not take the configuration. */
    refused: 10,
    /** FRR does not answer in time. */
    silent: 11,
    /** The configuration is in place, but its defaults hold only for what is configured after a restart. */
    restart: 12,
} as const;

/** Daemons that a lab's configuration speaks to. */
const daemons = "zebra staticd bgpd bfdd";

/** After a restart of the container, sockets of the former daemons are still there: only an answer counts. */
const awaitDaemons = `for daemon in ${daemons}; do
    until vtysh -d $daemon -c "show version" >/dev/null 2>&1; do
        [ $patience -gt 0 ] || { echo "$daemon does not answer"; exit ${frrExit.silent}; }
        patience=$((patience - 1))
        sleep 0.1
    done
done`;

/**
 * The file counts as applied only when FRR has taken it, because a container that restarts loads it. An FRR that has
 * nothing yet just reads it; otherwise frr-reload finds the commands between what runs and what is wanted, so that
 * sessions stay that the change does not concern.
 */
const apply = `patience=300
cat >${config}.new
chown frr:frr ${config}.new
chmod 640 ${config}.new
says=$(vtysh -C -f ${config}.new 2>&1) || { echo "$says"; exit ${frrExit.refused}; }
${awaitDaemons}
profile() { sed -n "s/^frr defaults //p"; }
if [ ! -s ${config} ]; then
    mv ${config}.new ${config}
    says=$(vtysh -f ${config} 2>&1) && exit 0
    : >${config}
    echo "$says"
    exit ${frrExit.refused}
fi
wanted=$(profile <${config}.new)
running=$(vtysh -c "show running-config" | profile)
if [ "$wanted" != "$running" ]; then
    mv ${config}.new ${config}
    exit ${frrExit.restart}
fi
cp -p ${config} ${config}.old
mv ${config}.new ${config}
says=$(${reload} --reload --stdout --log-level warning ${config} 2>&1) && exit 0
mv ${config}.old ${config}
echo "$says"
exit ${frrExit.refused}`;

/** Command that applies the configuration on its standard input; what it prints is for people. */
export const applyFrrCommand: readonly string[] = ["sh", "-c", apply];

/** Command that waits until FRR answers. */
export const awaitFrrCommand: readonly string[] = ["sh", "-c", `patience=300\n${awaitDaemons}`];

const otherFile = "another file";

const check = `patience=20
cat >${config}.wanted
trap "rm -f ${config}.wanted" EXIT
${awaitDaemons}
[ "$(cat ${config}.wanted)" = "$(cat ${config} 2>/dev/null)" ] || echo "${otherFile}"
${reload} --test ${config}.wanted`;

/** Command that tells how FRR differs from the configuration on its standard input, as the functions below read it. */
export const checkFrrCommand: readonly string[] = ["sh", "-c", check];

/** A line that FRR's running configuration should not have, or lacks. */
export interface FrrDifference {
    readonly kind: "extra" | "missing";
    /** The line with those that it is under, e.g. `router bgp 65000 / neighbor 10.0.0.1 remote-as 65001`. */
    readonly line: string;
}

/** Whether a restart would load another configuration than the wanted one. */
export function frrFileDiffers(printed: string): boolean {
    return printed.startsWith(otherFile);
}

/** The name by which a router calls itself is its container's, whatever is configured. */
const hostname = /^(no )?hostname /;

/** Reads what frr-reload --test prints: the commands that would end each difference, under the lines they belong to. */
export function frrDifferences(printed: string): readonly FrrDifference[] {
    const [, deletions = "", additions = ""] =
        /^(?:.*?Lines To Delete\n=+\n(.*?))?(?:\nLines To Add\n=+\n(.*))?$/s.exec(printed.trimEnd()) ?? [];
    return [
        ...commands(deletions).map((path): FrrDifference => ({ kind: "extra", line: joined(path, opposite) })),
        ...commands(additions).map((path): FrrDifference => ({ kind: "missing", line: joined(path, (line) => line) })),
    ].filter(({ line }) => !hostname.test(line));
}

function joined(path: readonly string[], last: (line: string) => string): string {
    return [...path.slice(0, -1), last(path.at(-1)!)].join(" / ");
}

/** What a command that takes a line back takes back. */
function opposite(command: string): string {
    return command.startsWith("no ") ? command.slice(3) : `no ${command}`;
}

/** Commands with the lines that they are under, by indentation. */
function commands(text: string): readonly (readonly string[])[] {
    const lines = text.split("\n").filter((line) => line.trim() !== "" && line.trim() !== "exit");
    const indents = lines.map((line) => line.length - line.trimStart().length);
    const paths: string[][] = [];
    let above: string[] = [];
    lines.forEach((line, index) => {
        const depth = indents[index]!;
        above = [...above.slice(0, depth), line.trim()];
        if ((indents[index + 1] ?? 0) <= depth) {
            paths.push(above);
        }
    });
    return paths;
}

/** The real FRR as judge of rendered configurations, in namespaces of its own. */

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import { namespacesAllowed, userNamespace } from "./namespaces";

const run = promisify(execFile);

const reload = "/usr/lib/frr/frr-reload.py";

/** What is missing to ask the judge here; nothing when it can be asked. */
export const unavailable: string | undefined = namespacesAllowed
    ? ["/usr/lib/frr/bgpd", "/usr/bin/vtysh", reload].find((path) => !existsSync(path))
    : "root, or user namespaces";

if (unavailable !== undefined) {
    console.warn(`SKIPPED: tests with the real FRR need ${unavailable}`);
}

/** What FRR says of a configuration. */
export interface Verdict {
    /** `vtysh -C`: what it refuses; empty when it accepts everything. */
    readonly syntax: string;
    /** Running configuration after the daemons read the file. */
    readonly running: string;
    /** What `frr-reload.py --test` would change after that; empty when nothing. */
    readonly changes: string;
}

const marker = "@@@@@";

/**
 * Has FRR check a configuration, start with it, show it and compare it.
 *
 * @param wanted configuration that the running one is compared with; the same one by default
 */
export async function judge(hostname: string, config: string, wanted = config): Promise<Verdict> {
    const { stdout } = await run("unshare", [
        ...userNamespace,
        "-u",
        "-m",
        "-p",
        "-n",
        "-f",
        "--mount-proc",
        "sh",
        "-ec",
        script(hostname, config, wanted),
    ]);
    const [syntax = "", running = "", changes = ""] = stdout.split(`${marker}\n`);
    return { syntax, running: body(running), changes: changedLines(changes) };
}

function script(hostname: string, config: string, wanted: string): string {
    const start = (daemon: string) =>
        `/usr/lib/frr/${daemon} -N test -d -P 0 -f /run/test.conf -u root -g root --log file:/run/${daemon}.log`;
    return [
        `hostname ${hostname}`,
        "mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /var/tmp; mkdir -p /run/frr/test /var/tmp/frr",
        "sed 's/^frrvty:.*/&,root/;s/:,root$/:root/' /etc/group > /run/group; mount --bind /run/group /etc/group",
        "mount -t tmpfs tmpfs /etc/frr; mkdir /etc/frr/test; touch /etc/frr/test/vtysh.conf /etc/frr/vtysh.conf",
        "ip link set lo up; sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1",
        `cat > /run/test.conf <<'END'\n${config}END`,
        "vtysh -C -f /run/test.conf 2>&1 || true",
        `echo ${marker}`,
        ...["zebra", "staticd", "bfdd", "bgpd"].map(start),
        // zebra by itself stops reading after `router bgp`.
        "vtysh -N test -f /run/test.conf > /run/vtysh.log 2>&1 || true",
        "vtysh -N test -c 'show running-config'",
        `echo ${marker}`,
        `cat > /run/wanted.conf <<'END'\n${wanted}END`,
        // It ends with an error for a file that FRR does not understand, of which vtysh has spoken above.
        `${reload} --test --stdout --pathspace test /run/wanted.conf || true`,
    ].join("\n");
}

/** A running configuration without its heading, the version's line and the end mark. */
function body(shown: string): string {
    const lines = shown.split("\n");
    const start = lines.findIndex((line) => line.startsWith("frr version "));
    return `${lines.slice(start + 1, lines.lastIndexOf("end")).join("\n")}\n`;
}

/** The lines under frr-reload's headings `Lines To Delete` and `Lines To Add`. */
function changedLines(report: string): string {
    const lines = report.split("\n");
    const start = lines.findIndex((line) => line.startsWith("Lines To "));
    return start < 0 ? "" : lines.slice(start).join("\n");
}

/** Faults that can be put into a lab that runs in a sandbox, for drills. Undoing them is the caller's: by repair, or here. */

import type { Address, Asn } from "../lab/model";
import { succeeded, withVty } from "./daemons/vty";
import type { Operations, Sandbox } from "./sandbox/protocol";

/** Ports on which BGP (RFC 4271), and BFD over one hop (RFC 5881) and many (RFC 5883), listen. */
const controlPorts = { tcp: "179", udp: "{ 3784, 3785, 4784 }" };

/** Table of nftables that holds what a drill drops. */
const table = "bgp-lab-drill";

/** Sets interfaces of a device up or down. What the kernel forgets with a downed interface is the fabric's to repair. */
export function setInterfaces(sandbox: Sandbox, namespace: string, names: readonly string[], up: boolean) {
    const state = up ? "up" : "down";
    return inNamespace(
        sandbox,
        namespace,
        names.map((name) => ["ip", "link", "set", "dev", name, state]),
    );
}

/** Sends a signal to daemons by name. */
export async function signal(
    sandbox: Sandbox,
    daemons: readonly string[],
    name: "KILL" | "STOP" | "CONT",
): Promise<void> {
    const { daemons: running } = await sandbox.call("daemons", {});
    const pids = running.filter((each) => each.running && daemons.includes(each.name)).map(({ pid }) => String(pid));
    if (pids.length > 0) {
        await run(sandbox, [{ argv: ["sh", "-c", `kill -${name} "$@"`, "kill", ...pids] }]);
    }
}

/** Drops a device's BGP and BFD packets in both directions; everything else passes. */
export async function dropControl(sandbox: Sandbox, namespace: string): Promise<void> {
    const rules = Object.entries(controlPorts).flatMap(([protocol, ports]) => [
        `${protocol} dport ${ports} drop`,
        `${protocol} sport ${ports} drop`,
    ]);
    const chains = ["input", "output"].map(
        (hook) => `chain ${hook} { type filter hook ${hook} priority -300; ${rules.join("; ")}; }`,
    );
    const stdin = `table inet ${table} {\n${chains.join("\n")}\n}\n`;
    await run(sandbox, [{ namespace, argv: ["nft", "-f", "-"], stdin }]);
}

/** Lets a device's BGP and BFD packets pass again. */
export function passControl(sandbox: Sandbox, namespace: string): Promise<void> {
    // Made before it is deleted: where nothing was dropped there is nothing to delete, which would be an error.
    const stdin = `table inet ${table}\ndelete table inet ${table}\n`;
    return run(sandbox, [{ namespace, argv: ["nft", "-f", "-"], stdin }]);
}

/** A session of a router with the place of its speaker. */
export interface RouterSession {
    readonly router: string;
    readonly asn: Asn;
    readonly vrf?: string;
    readonly neighbor: Address;
}

/** Shuts a session down by command, or lets it come up again. @throws Error when FRR refuses */
export async function setShutdown(sandbox: Sandbox, session: RouterSession, down: boolean): Promise<void> {
    const { router, asn, vrf, neighbor } = session;
    const commands = [
        "configure terminal",
        `router bgp ${asn}${vrf === undefined ? "" : ` vrf ${vrf}`}`,
        `${down ? "" : "no "}neighbor ${neighbor} shutdown`,
        "end",
    ];
    const replies = await withVty(sandbox, router, "bgpd", (bgpd) => bgpd.ask(commands));
    const refused = replies.find((reply) => !succeeded(reply));
    if (refused !== undefined) {
        throw new Error(`${router} refuses "${refused.command}": ${refused.output.trim()}`);
    }
}

function inNamespace(sandbox: Sandbox, namespace: string, commands: readonly (readonly string[])[]): Promise<void> {
    return run(
        sandbox,
        commands.map((argv) => ({ namespace, argv })),
    );
}

type Processes = Operations["exec"][0]["processes"];

async function run(sandbox: Sandbox, processes: Processes): Promise<void> {
    const { results } = await sandbox.call("exec", { processes });
    const failed = results.findIndex(({ code }) => code !== 0);
    if (failed >= 0) {
        throw new Error(`${processes[failed]!.argv.join(" ")}: ${results[failed]!.stderr.trim()}`);
    }
}

import { mkdirSync } from "node:fs";
import { addressOf, familyOf } from "../../lab/address";
import type { Address, Lab } from "../../lab/model";
import { applyGobgp } from "../../provider/daemons/gobgp";
import { executable } from "../../provider/daemons/needs";
import { serviceRules } from "../../provider/sandbox/nft";
import type { Operations, Sandbox } from "../../provider/sandbox/protocol";
import { nodeSpec } from "../../render/embedded";
import { engine } from "./engine";

/** Why the speaker of the embedded runtime cannot be driven from here; undefined where it can. */
export async function speakerMissing(): Promise<string | undefined> {
    try {
        executable("gobgpd");
        return undefined;
    } catch (error) {
        return (error as Error).message;
    }
}

/** Runs a command in a container to its end. @throws Error with all that it said unless it exits with 0 */
export async function run(container: string, argv: readonly string[]): Promise<string> {
    const exec = await engine
        .getContainer(container)
        .exec({ Cmd: [...argv], AttachStdout: true, AttachStderr: true, Tty: true });
    const chunks: Buffer[] = [];
    for await (const chunk of await exec.start({ Tty: true })) {
        chunks.push(chunk as Buffer);
    }
    const said = Buffer.concat(chunks).toString().replaceAll("\r\n", "\n");
    const { ExitCode } = await exec.inspect();
    if (ExitCode !== 0) {
        throw new Error(`${argv.join(" ")} in ${container} exited with ${ExitCode}: ${said}`);
    }
    return said;
}

/** The part of a sandbox that runs a speaker, with a container in its place; sockets are in a folder that both have. */
function speakerHost(container: string, sockets: string): Sandbox {
    const operations: { readonly [name: string]: (args: never) => Promise<unknown> } = {
        async startDaemon({ argv }: Operations["startDaemon"][0]) {
            const exec = await engine.getContainer(container).exec({ Cmd: [...argv] });
            await exec.start({ Detach: true });
            return {};
        },
        stopDaemon: () => run(container, ["sh", "-c", "kill $(pidof gobgpd) 2>/dev/null; true"]),
        daemons: async () => ({ daemons: [] }),
    };
    return {
        name: container,
        pid: 0,
        path: (inside) => inside.replace("/run/gobgp", sockets),
        call: (operation, args) => operations[operation]!(args as never) as never,
        close() {},
    };
}

/** What answers in place of a pod: who it is, and whom it sees. Busybox asks it where there is no page. */
function page(pod: string): string {
    return `#!/bin/sh
client=$(echo "$REMOTE_ADDR" | sed -e "s/^\\[*\\(::ffff:\\)*//" -e "s/\\].*//")
printf 'Content-Type: application/json\\r\\n\\r\\n{"pod":"${pod}","client":"%s"}' "$client"`;
}

/** Commands that are to end well, and those that fail where they were given before. */
const setUp = `set -e
rules=$1 pod=$2 page=$3 own=$4 others=$5
ip link set lo up
for address in $own; do ip addr replace "$address" dev lo; done
echo "$others" | while read -r prefix via; do
    [ -z "$prefix" ] || ip route replace "$prefix" via "$via"
done
printf %s "$rules" | nft -f -
[ -z "$pod" ] || {
    mkdir -p /srv/pod/cgi-bin
    printf "%s\\n" "$page" >/srv/pod/cgi-bin/index.cgi
    chmod 755 /srv/pod/cgi-bin/index.cgi
    pidof httpd >/dev/null || httpd -p 80 -h /srv/pod
}`;

function nodeAddress(lab: Lab, node: string, like: string): Address {
    const { nodes, nodeSegment } = lab.cluster;
    const [own] = nodes[node]!.interfaces.flatMap(({ attachment, addresses }) =>
        attachment.kind === "segment" && attachment.segment === nodeSegment
            ? addresses.map(addressOf).filter((address) => familyOf(address) === familyOf(like))
            : [],
    );
    return own!;
}

/**
 * Has a container do what a node of a cluster does in a lab: a speaker tells the routers, the service rules of the embedded
 * runtime translate load-balancer addresses, and something answers at the addresses of its pods, one pod at most. What no
 * service has is left to the node's routes, as by kube-proxy. Call it again when the container has restarted.
 */
export async function beNode(lab: Lab, node: string, sockets: string): Promise<void> {
    const {
        speakers: { cilium: speaker },
        pods,
        services,
    } = nodeSpec(lab, node);
    if (speaker?.kind !== "gobgp") {
        throw new Error("the speaker is another one");
    }
    const [pod] = Object.entries(pods);
    const rules = serviceRules(services)
        .split("\n")
        .filter((line) => !line.endsWith(" drop"))
        .join("\n");
    const own = Object.values(pods).flatMap(({ addresses }) => addresses);
    const others = Object.entries(lab.cluster.nodes)
        .filter(([other]) => other !== node)
        .flatMap(([other, { podCidrs }]) => podCidrs.map((cidr) => `${cidr} ${nodeAddress(lab, other, cidr)}`));
    const argv = [rules, pod?.[0] ?? "", page(pod?.[0] ?? ""), own.join(" "), others.join("\n")];
    await run(node, ["sh", "-c", setUp, "node", ...argv]);
    mkdirSync(sockets, { recursive: true });
    await applyGobgp(speakerHost(node, sockets), { namespace: "node", config: speaker.config });
}

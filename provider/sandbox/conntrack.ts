/** Connections that pass a namespace, as its connection tracking has them. */
import { readFileSync } from "node:fs";
import { formatAddress, parseAddress } from "./addresses";
import { inNamespace } from "./namespaces";
import type { TrackedConnection, TrackedDirection } from "./protocol";

/**
 * TCP connections of a namespace. Only a namespace with rules that need it tracks connections at all.
 *
 * @throws Error when there is no such namespace, or the kernel does not show its table
 */
export function trackedConnections(namespace: string): readonly TrackedConnection[] {
    return inNamespace(namespace, () => {
        try {
            return parseConntrack(readFileSync("/proc/net/nf_conntrack", "latin1"));
        } catch (error) {
            const { code } = error as NodeJS.ErrnoException;
            throw new Error(
                `cannot read the tracked connections of ${namespace}: ${code}; the lab needs a kernel with NF_CONNTRACK_PROCFS`,
            );
        }
    });
}

/** The TCP connections of a table in the kernel's form (net/netfilter/nf_conntrack_standalone.c, ct_seq_show). */
export function parseConntrack(table: string): readonly TrackedConnection[] {
    return table.split("\n").flatMap((line): TrackedConnection[] => {
        const [original, reply] = [...line.matchAll(/ src=(\S+) dst=(\S+) sport=([0-9]+) dport=([0-9]+)/g)].map(
            direction,
        );
        const isTcp = /^ipv[46] +[0-9]+ tcp /.test(line);
        return isTcp && original !== undefined && reply !== undefined
            ? [{ original, reply, isAssured: line.includes(" [ASSURED] ") }]
            : [];
    });
}

function direction([, source, destination, sourcePort, destinationPort]: RegExpExecArray): TrackedDirection {
    // The kernel writes IPv6 addresses out in full.
    const canonical = (address: string | undefined) => formatAddress(parseAddress(address ?? ""));
    return {
        source: canonical(source),
        destination: canonical(destination),
        sourcePort: Number(sourcePort),
        destinationPort: Number(destinationPort),
    };
}

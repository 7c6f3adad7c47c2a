import type { Address } from "../../lab/model";
import type { ObservedConnection } from "../../verify/driver";
import { formatAddress, parseAddress } from "../sandbox/addresses";

/**
 * Prints the connections that the kernel tracks in a network namespace (nf_conntrack_standalone.c). The file is there while
 * connections are tracked, and where the kernel was built with CONFIG_NF_CONNTRACK_PROCFS, as those of distributions are.
 */
export const connectionsCommand: readonly string[] = ["cat", "/proc/net/nf_conntrack"];

/** The kernel writes IPv6 addresses with all their zeros. */
function canonical(address: string): Address {
    return formatAddress(parseAddress(address));
}

/** The TCP connections in the kernel's list: each line has both directions, the one of the first packet before the other. */
export function parseConnections(text: string): readonly ObservedConnection[] {
    return text.split("\n").flatMap((line): ObservedConnection[] => {
        const [src, answering] = valuesOf(line, "src");
        const [dst, answeredTo] = valuesOf(line, "dst");
        const [port] = valuesOf(line, "dport");
        const [clientPort] = valuesOf(line, "sport");
        if (!/^ipv[46] +\d+ tcp /.test(line) || !src || !dst || !answering || !answeredTo) {
            return [];
        }
        return [
            {
                client: canonical(src),
                clientPort: Number(clientPort),
                address: canonical(dst),
                port: Number(port),
                answering: canonical(answering),
                answeredTo: canonical(answeredTo),
                isAssured: line.includes("[ASSURED]"),
            },
        ];
    });
}

function valuesOf(line: string, key: string): readonly string[] {
    return [...line.matchAll(new RegExp(` ${key}=(\\S+)`, "g"))].map(([, value]) => value!);
}

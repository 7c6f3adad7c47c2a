/** What Calico takes: the fields of its custom resources with their limits, those in CEL among them, by version. */

import { z } from "zod";
import { isBefore } from "../../lab/releases";

const asn = z.int().min(1).max(4294967295);
const name = z.string().regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/);
const seconds = z.string().regex(/^\d+s$/);
const selector = z.string().max(4096);

function resource<Name extends z.ZodType, Spec extends z.ZodType>(kind: string, called: Name, spec: Spec) {
    return z.strictObject({
        apiVersion: z.enum(["crd.projectcalico.org/v1", "projectcalico.org/v3"]),
        kind: z.literal(kind),
        metadata: z.strictObject({ name: called }),
        spec,
    });
}

const configuration = z.strictObject({
    asNumber: asn,
    nodeToNodeMeshEnabled: z.boolean(),
    logSeverityScreen: z.enum(["Debug", "Info", "Warning", "Error", "Fatal"]),
    listenPort: z.int().min(1).max(65535).optional(),
});

function peer(version: string) {
    return z.strictObject({
        // Neither `node` beside `nodeSelector` nor `peerSelector` beside `peerIP`: the lab writes none of the two.
        peerIP: z.union([z.ipv4(), z.ipv6()]),
        asNumber: asn,
        nodeSelector: selector.optional(),
        maxRestartTime: seconds.optional(),
        ...(isBefore(version, 3, 32) ? {} : { keepaliveTime: seconds.optional() }),
    });
}

const mode = z.enum(["Never", "Always", "CrossSubnet"]);
const pool = z
    .strictObject({
        cidr: z.union([z.cidrv4(), z.cidrv6()]),
        blockSize: z.int(),
        ipipMode: mode,
        vxlanMode: mode,
        natOutgoing: z.boolean(),
        nodeSelector: selector,
    })
    .refine(({ cidr, blockSize }) => {
        const [least, most] = cidr.includes(":") ? [116, 128] : [20, 32];
        return blockSize >= Math.max(least, Number(cidr.split("/")[1])) && blockSize <= most;
    }, "blocks are of /20 to /32, in IPv6 of /116 to /128, and no larger than the pool")
    .refine(({ ipipMode, vxlanMode }) => ipipMode === "Never" || vxlanMode === "Never", "one encapsulation at most")
    .refine(({ cidr, ipipMode }) => !cidr.includes(":") || ipipMode === "Never", "no IPIP for IPv6");

/** Any custom resource of Calico. */
export function calicoResource(version: string) {
    return z.discriminatedUnion("kind", [
        resource("BGPConfiguration", z.literal("default"), configuration),
        resource("BGPPeer", name, peer(version)),
        resource("IPPool", name, pool),
    ]);
}

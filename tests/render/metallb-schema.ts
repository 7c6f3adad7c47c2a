/**
 * What MetalLB takes: the fields of its custom resources with their limits (its definitions, and what its controller and
 * speaker refuse beyond them), and the keys of its configuration file, by version.
 */

import { z } from "zod";
import { isBefore } from "../../lab/releases";

const asn = z.int().min(1).max(4294967295);
const address = z.union([z.ipv4(), z.ipv6()]);
const range = z.string().regex(/^[0-9a-f.:]+-[0-9a-f.:]+$/);
const addresses = z.array(z.union([z.cidrv4(), z.cidrv6(), range])).min(1);
const name = z.string().regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/);
const metadata = z.strictObject({ namespace: z.literal("metallb-system"), name });
const labels = z.record(z.string(), z.string());
const operator = z.enum(["In", "NotIn", "Exists", "DoesNotExist"]);
const selector = z.strictObject({
    matchLabels: labels.optional(),
    matchExpressions: z
        .array(z.strictObject({ key: z.string(), operator, values: z.array(z.string()).optional() }))
        .optional(),
});

/** A duration between two numbers of seconds, both included. */
function duration(least: number, most: number) {
    return z.string().refine((text) => {
        const seconds = Number(/^(\d+)s$/.exec(text)?.[1] ?? Number.NaN);
        return seconds >= least && seconds <= most;
    }, `a duration of ${least} to ${most} seconds`);
}

/** RFC 4271 §4.2: no hold time, or three seconds at least. */
const holdTime = z.union([z.literal("0s"), duration(3, 65535)]);

function resource<Spec extends z.ZodType>(kind: string, apiVersion: string, spec: Spec) {
    return z.strictObject({ apiVersion: z.literal(apiVersion), kind: z.literal(kind), metadata, spec });
}

/**
 * Any custom resource of MetalLB.
 *
 * @param speaker who reads it: the native speaker refuses what only FRR can do
 */
export function metallbResource(version: string, speaker: "native" | "frr") {
    const isNative = speaker === "native";
    const [, minor = 0, patch = 0] = version.split(".").map(Number);
    const hasServiceAllocation = minor > 13 || patch >= 9;
    const hasConnectTime = minor > 14 || (minor === 14 && patch >= 4);
    const pool = z.strictObject({
        addresses,
        autoAssign: z.boolean().optional(),
        avoidBuggyIPs: z.boolean().optional(),
        ...(hasServiceAllocation
            ? { serviceAllocation: z.strictObject({ serviceSelectors: z.array(selector) }).optional() }
            : {}),
    });
    const peer = z.strictObject({
        myASN: asn,
        peerASN: asn,
        peerAddress: isNative ? z.ipv4() : address,
        peerPort: z.int().min(1).max(16384).optional(),
        holdTime: holdTime.optional(),
        ebgpMultiHop: z.boolean().optional(),
        nodeSelectors: z.array(selector).optional(),
        ...(isNative
            ? {}
            : {
                  keepaliveTime: duration(0, 65535).optional(),
                  bfdProfile: name.optional(),
                  ...(hasConnectTime ? { connectTime: duration(1, 65535).optional() } : {}),
              }),
    });
    const advertisement = z.strictObject({ ipAddressPools: z.array(name) });
    const milliseconds = z.int().min(10).max(60000);
    const bfd = z.strictObject({
        receiveInterval: milliseconds,
        transmitInterval: milliseconds,
        detectMultiplier: z.int().min(2).max(255),
    });
    return z.discriminatedUnion("kind", [
        resource("IPAddressPool", "metallb.io/v1beta1", pool),
        resource("BGPPeer", "metallb.io/v1beta2", peer),
        resource("BGPAdvertisement", "metallb.io/v1beta1", advertisement),
        resource("L2Advertisement", "metallb.io/v1beta1", advertisement),
        resource("BFDProfile", "metallb.io/v1beta1", bfd),
    ]);
}

/** The configuration file of a version up to 0.12, and of the MetalLB in Cilium (which is like 0.10). */
export function metallbFileSchema(version: string) {
    const keySelector = z.strictObject({
        "match-labels": labels.optional(),
        "match-expressions": z
            .array(z.strictObject({ key: z.string(), operator, values: z.array(z.string()) }))
            .optional(),
    });
    const peer = z.strictObject({
        "my-asn": asn,
        "peer-asn": asn,
        "peer-address": z.ipv4(),
        "peer-port": z.int().min(1).max(65535).optional(),
        "hold-time": holdTime.optional(),
        "node-selectors": z.array(keySelector).optional(),
        ...(isBefore(version, 0, 12) ? {} : { "ebgp-multihop": z.boolean().optional() }),
    });
    const pool = z.strictObject({
        name: z.string().min(1),
        protocol: z.enum(["bgp", "layer2"]),
        addresses,
        "avoid-buggy-ips": z.boolean().optional(),
        "auto-assign": z.boolean().optional(),
    });
    return z.strictObject({ peers: z.array(peer), "address-pools": z.array(pool) });
}

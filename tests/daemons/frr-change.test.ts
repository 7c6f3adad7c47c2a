import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { applyFrr, inspectFrr, stopFrr } from "../../provider/daemons/frr";
import { withVty } from "../../provider/daemons/vty";
import type { Sandbox } from "../../provider/sandbox/protocol";
import { useTwoDevices } from "./lab";

const theSandbox = useTwoDevices("frr-change");
let sandbox: Sandbox;

beforeAll(() => {
    sandbox = theSandbox();
});

/** Part of a small router's configuration; every value is valid, and every pair of them may follow one another. */
interface Shape {
    readonly asn: number;
    readonly routerId: string;
    readonly relax: boolean;
    readonly ipv4ByDefault: boolean;
    readonly timers?: number;
    readonly gracefulRestart?: number;
    readonly groups: readonly GroupShape[];
    readonly neighbors: readonly NeighborShape[];
    readonly networks: readonly string[];
    readonly maximumPaths?: number;
    readonly redistribute: boolean;
    readonly prefixList: readonly number[];
    readonly routeMap?: number;
    readonly routes: readonly string[];
    readonly hostname: string;
}

interface GroupShape {
    readonly name: string;
    readonly remoteAs?: string;
    readonly connect?: number;
    readonly activate: boolean;
    readonly filter: boolean;
    readonly limit?: number;
}

interface NeighborShape {
    readonly address: string;
    readonly group?: string;
    readonly remoteAs: number;
    readonly description?: string;
    readonly multihop?: number;
    readonly timers?: number;
    readonly bfd: boolean;
    readonly ipv6: boolean;
    readonly activate: boolean;
    readonly policy: boolean;
    readonly limit?: number;
}

const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const subset = <T>(values: readonly T[]) => fc.subarray([...values]);

const groups = (["ONE", "TWO"] as const).map((name) =>
    fc.record({
        name: fc.constant(name),
        remoteAs: optional(fc.constantFrom("external", "65010")),
        connect: optional(fc.integer({ min: 1, max: 5 })),
        activate: fc.boolean(),
        filter: fc.boolean(),
        limit: optional(fc.integer({ min: 1, max: 3 })),
    }),
);

const neighbors = ["169.254.1.2", "169.254.1.3", "fd00:1::2"].map((address) =>
    fc.record({
        address: fc.constant(address),
        group: optional(fc.constantFrom("ONE", "TWO")),
        remoteAs: fc.integer({ min: 65001, max: 65003 }),
        description: optional(fc.constantFrom("node", "another node")),
        multihop: optional(fc.integer({ min: 2, max: 4 })),
        timers: optional(fc.integer({ min: 1, max: 9 })),
        bfd: fc.boolean(),
        ipv6: fc.boolean(),
        activate: fc.boolean(),
        policy: fc.boolean(),
        limit: optional(fc.integer({ min: 1, max: 3 })),
    }),
);

const shapes: fc.Arbitrary<Shape> = fc.record({
    asn: fc.constantFrom(65000, 65000, 65000, 4200000000),
    routerId: fc.constantFrom("10.0.0.1", "10.0.0.2"),
    relax: fc.boolean(),
    ipv4ByDefault: fc.boolean(),
    timers: optional(fc.integer({ min: 1, max: 9 })),
    gracefulRestart: optional(fc.integer({ min: 60, max: 120 })),
    groups: fc.tuple(...groups).chain((all) => subset(all)),
    neighbors: fc.tuple(...neighbors).chain((all) => subset(all)),
    networks: subset(["10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"]),
    maximumPaths: optional(fc.integer({ min: 1, max: 8 })),
    redistribute: fc.boolean(),
    prefixList: subset([8, 9, 10, 11]),
    routeMap: optional(fc.integer({ min: 100, max: 102 })),
    routes: subset(["10.0.0.0/8 blackhole", "10.5.0.0/16 169.254.1.2", "10.5.0.0/16 169.254.1.3", "10.6.0.0/16 net1"]),
    hostname: fc.constantFrom("router0", "renamed"),
});

/** Writes a shape as a person would: not in FRR's order, not in its normal form. */
function configOf(shape: Shape): string {
    const groupNames = new Map(shape.groups.map((group) => [group.name, group]));
    const members = shape.neighbors.map((peer) => ({ ...peer, known: groupNames.get(peer.group ?? "") }));
    return [
        "frr defaults datacenter",
        `hostname ${shape.hostname}`,
        ...shape.prefixList.map((length, i) => `ip prefix-list LAB seq ${(i + 1) * 5} permit 10.0.0.0/8 ge ${length}`),
        ...(shape.routeMap ? ["route-map IN permit 10", ` set local-preference ${shape.routeMap}`, "exit"] : []),
        ...shape.routes.map((route) => `ip route ${route}`),
        `router bgp ${shape.asn}`,
        ` bgp router-id ${shape.routerId}`,
        ...(shape.ipv4ByDefault ? [] : [" no bgp default ipv4-unicast"]),
        ...(shape.relax ? [" bgp bestpath as-path multipath-relax"] : []),
        ...(shape.timers ? [` timers bgp ${shape.timers} ${shape.timers * 3}`] : []),
        ...(shape.gracefulRestart ? [` bgp graceful-restart restart-time ${shape.gracefulRestart}`] : []),
        ...shape.groups.flatMap((group) => [
            ` neighbor ${group.name} peer-group`,
            ...(group.remoteAs ? [` neighbor ${group.name} remote-as ${group.remoteAs}`] : []),
            ...(group.connect ? [` neighbor ${group.name} timers connect ${group.connect}`] : []),
        ]),
        ...members.flatMap(({ address, remoteAs, known, description, multihop, timers, bfd }) => [
            ...(known?.remoteAs ? [] : [` neighbor ${address} remote-as ${remoteAs}`]),
            ...(known ? [` neighbor ${address} peer-group ${known.name}`] : []),
            ...(description ? [` neighbor ${address} description ${description}`] : []),
            ...(multihop ? [` neighbor ${address} ebgp-multihop ${multihop}`] : []),
            ...(timers ? [` neighbor ${address} timers ${timers} ${timers * 3}`] : []),
            ...(bfd ? [` neighbor ${address} bfd`] : []),
        ]),
        " address-family ipv4 unicast",
        ...shape.networks.map((network) => `  network ${network}`),
        ...(shape.redistribute ? ["  redistribute static"] : []),
        ...(shape.maximumPaths ? [`  maximum-paths ${shape.maximumPaths}`] : []),
        ...shape.groups.flatMap((group) => [
            ...(group.activate ? [`  neighbor ${group.name} activate`] : []),
            ...(group.filter ? [`  neighbor ${group.name} prefix-list LAB out`] : []),
            ...(group.limit ? [`  neighbor ${group.name} maximum-prefix ${group.limit}`] : []),
        ]),
        ...members.flatMap(({ address, known, activate, policy, limit }) => [
            ...(activate && !known ? [`  neighbor ${address} activate`] : []),
            ...(policy && shape.routeMap && !known ? [`  neighbor ${address} route-map IN in`] : []),
            ...(limit && !known ? [`  neighbor ${address} maximum-prefix ${limit}`] : []),
        ]),
        " exit-address-family",
        " address-family ipv6 unicast",
        ...members.flatMap(({ address, known, ipv6 }) => (ipv6 && !known ? [`  neighbor ${address} activate`] : [])),
        " exit-address-family",
        "exit",
        "",
    ].join("\n");
}

/** What a fresh FRR prints after it has loaded a configuration. */
async function freshForm(config: string): Promise<readonly string[]> {
    await stopFrr(sandbox, { namespace: "spare" });
    await applyFrr(sandbox, { namespace: "spare", config });
    return printed("spare");
}

function printed(namespace: string): Promise<readonly string[]> {
    return Promise.all(
        (["zebra", "staticd", "bgpd"] as const).map((daemon) =>
            withVty(sandbox, namespace, daemon, (session) => session.show("show running-config")),
        ),
    );
}

describe("applyFrr on a running FRR", () => {
    it("leads from any configuration to what a fresh FRR makes of any other", async () => {
        await fc.assert(
            fc.asyncProperty(shapes, async (shape) => {
                const config = configOf(shape);
                // From whatever the example before left behind.
                await applyFrr(sandbox, { namespace: "router0", config });
                expect(await inspectFrr(sandbox, { namespace: "router0", config })).toEqual([]);
                expect(await printed("router0")).toEqual(await freshForm(config));
            }),
            { numRuns: Number(process.env.FRR_CHANGE_RUNS ?? 25), endOnFailure: true },
        );
    }, 120_000);
});

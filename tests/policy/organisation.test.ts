import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { readConfiguration } from "../../policy/configuration";
import { organisationPolicies } from "../../policy/organisation";
import { readLab } from "../../stacks/config";
import { type Draft, lab } from "../lab/labs";
import { ask, labComponent } from "./asking";
import { shipped, shippedConfig } from "./recorded";

/** Parameters that the quiet lab keeps, each with nothing to spare. */
const tight = {
    "allowed-asns": { ranges: [65000, "65001-65003"] },
    "allowed-address-space": {
        pods: ["10.100.0.0/16", "fd00:10:255::/48"],
        services: ["10.101.0.0/16", "fd00:10:0:255::/108"],
        nodes: ["172.18.0.0/16", "fc00:f853:ccd:e793::/64"],
        links: ["10.9.0.0/16", "fd00:9::/48", "192.168.0.0/24", "fd00:192:168::/64"],
        pools: ["10.254.0.0/24", "fd00:10:254::/64"],
    },
    "forbidden-prefixes": { prefixes: { "10.99.0.0/16": "a neighbor", "fd00:11::/32": "another" } },
    "hold-time": { minimum: 9, maximum: 9 },
    "required-filters": { nodes: ["in", "out"], external: ["in", "out"], internal: ["in"] },
    "maximum-prefixes": { most: 100 },
} as const;

/** One change to the quiet lab, or to the parameters, and the policy that must object. */
interface Case {
    readonly policy: keyof typeof tight;
    readonly when: string;
    readonly at: string;
    readonly change?: (draft: Draft) => void;
    readonly parameters?: object;
}

const cases: readonly Case[] = [
    {
        policy: "allowed-asns",
        when: "a router has a number beside the ranges",
        at: "routers.router0.bgp.asn",
        parameters: { ranges: ["64512-64999", "65001-65534"] },
    },
    {
        policy: "allowed-asns",
        when: "a program on nodes has one",
        at: "cluster.cilium.bgp[2].localAsn",
        parameters: { ranges: ["AS65000-AS65002"] },
    },
    {
        policy: "allowed-asns",
        when: "a range is written as asdot",
        at: "cluster.cilium.bgp[2].localAsn",
        parameters: { ranges: ["0.65000-0.65002", "1.0-1.10"] },
    },
    {
        policy: "allowed-address-space",
        when: "pods are outside their own space, though inside that for the rest",
        at: "cluster.podCidrs[0]",
        parameters: { all: ["0.0.0.0/0", "::/0"], pods: ["10.101.0.0/16", "fd00:10:255::/48"] },
    },
    {
        policy: "allowed-address-space",
        when: "a network is only partly inside",
        at: "cluster.serviceCidrs[0]",
        parameters: { services: ["10.101.0.0/17", "fd00:10:0:255::/108"] },
    },
    {
        policy: "allowed-address-space",
        when: "the space has nothing of a family",
        at: "cluster.loadBalancerPools[0].blocks[1]",
        parameters: { pools: ["10.254.0.0/16"] },
    },
    {
        policy: "allowed-address-space",
        when: "a pool is a range that reaches beyond",
        at: "cluster.loadBalancerPools[0].blocks[0]",
        parameters: { pools: ["10.254.0.0/28", "10.254.0.16/28", "fd00:10:254::/64"] },
        change: ({ cluster }) => {
            cluster.loadBalancerPools[0]!.blocks[0] = "10.254.0.5-10.254.0.32";
        },
    },
    {
        policy: "forbidden-prefixes",
        when: "a network is inside a forbidden one",
        at: "cluster.podCidrs[0]",
        parameters: { prefixes: { "10.96.0.0/12": "another cluster", "10.101.0.0/17": "not this one" } },
    },
    {
        policy: "forbidden-prefixes",
        when: "a forbidden one is inside a network",
        at: "segments.kind.subnets[0]",
        parameters: { prefixes: { "172.18.255.0/24": "the printer" } },
    },
    {
        policy: "hold-time",
        when: "a peer group holds for less",
        at: "routers.router0.bgp.peerGroups[0].settings.timers.holdTime",
        parameters: { minimum: 10 },
    },
    {
        policy: "hold-time",
        when: "a node holds for more",
        at: "cluster.cilium.bgp[0].neighbors[0].timers.holdTime",
        parameters: { minimum: 3, maximum: 10 },
        change: ({ cluster }) => {
            cluster.cilium!.bgp[0]!.neighbors[0]!.timers = { holdTime: 12, keepalive: 4, connectRetry: 5 };
        },
    },
    {
        policy: "required-filters",
        when: "nothing filters what a router takes from nodes",
        at: "routers.router0.bgp.peerGroups[1].settings.families[0].prefixListIn",
        change: ({ routers }) => {
            delete routers.router0!.bgp.peerGroups[1]!.settings.families[0]!.prefixListIn;
        },
    },
    {
        policy: "maximum-prefixes",
        when: "sessions with nodes need a limit",
        at: "routers.router0.bgp.peerGroups[0].settings.families[0].maximumPrefixes",
        parameters: { sessions: ["nodes"] },
    },
    {
        policy: "maximum-prefixes",
        when: "a limit is higher than the highest",
        at: "routers.router0.bgp.peerGroups[0].settings.families[0].maximumPrefixes",
        change: ({ routers }) => {
            routers.router0!.bgp.peerGroups[0]!.settings.families[0]!.maximumPrefixes = 101;
        },
    },
];

/** What other rules say of the changed lab is theirs to test. */
async function ofOrganisation(changed: Case): Promise<Readonly<Record<string, readonly string[]>>> {
    const config = changed.parameters === undefined ? tight : { ...tight, [changed.policy]: changed.parameters };
    const reported = await ask([labComponent(lab({}, changed.change))], config);
    return Object.fromEntries(Object.entries(reported).filter(([policy]) => policy in tight));
}

describe("policies of an organisation", () => {
    it("are each broken by a case, and no other one is", async () => {
        expect([...new Set(cases.map(({ policy }) => policy))]).toEqual(organisationPolicies.map(({ name }) => name));
    });

    it("have nothing to say about a lab that keeps them with nothing to spare", async () => {
        expect(await ask([labComponent(lab())], tight)).toEqual({});
    });

    it.each(cases)("$policy objects when $when", async (changed) => {
        const reported = await ofOrganisation(changed);
        expect(Object.keys(reported)).toEqual([changed.policy]);
        const [first = ""] = reported[changed.policy] ?? [];
        const { id } = organisationPolicies.find(({ name }) => name === changed.policy)!;
        expect(first).toContain(`${id} ${changed.at}: `);
        expect(first).toMatch(/\n {2}fix: .+ {4}RFC \d+.* https:\/\/www\.rfc-editor\.org\//);
    });

    it("offers only space of the network's own family, and says where there is none", async () => {
        const reported = await ask([labComponent(lab())], { "allowed-address-space": { pods: ["10.0.0.0/16"] } });
        const fixes = reported["allowed-address-space"]?.map((message) => /fix: (.*?) {4}/.exec(message)?.[1]);
        expect(fixes).toEqual([
            "move it into 10.0.0.0/16",
            "remove it, or ask for IPv6 space: there is none for this use",
        ]);
    });

    it("objects to each peer group once, however many sessions it has", async () => {
        const reported = await ask([labComponent(lab())], { "maximum-prefixes": { sessions: ["nodes"] } });
        expect(reported["maximum-prefixes"]).toHaveLength(2);
    });

    it("takes a hold time of 0 for shorter than any minimum, because nobody would notice a dead peer", async () => {
        const endless = lab({}, ({ cluster }) => {
            cluster.cilium!.bgp[1]!.neighbors[0]!.timers = { holdTime: 0, keepalive: 0, connectRetry: 5 };
        });
        const asked = (parameters: object) => ask([labComponent(endless)], { "hold-time": parameters });
        expect((await asked({ minimum: 3 }))["hold-time"]).toEqual([
            expect.stringContaining("cluster.cilium.bgp[1].neighbors[0].timers.holdTime"),
        ]);
        expect((await asked({ maximum: 90 }))["hold-time"]).toBeUndefined();
    });

    it("tells sessions between routers of one AS from those of two", async () => {
        const config = shippedConfig("leaf-spine");
        const { lab: fabric } = readLab(config, "leaf-spine");
        const places = async (parameters: object) =>
            (await ask([labComponent(fabric!)], { "required-filters": parameters }))["required-filters"]?.length ?? 0;
        // Two leaves and two spines: four sessions with an end each; six nodes with one session and one end at the leaf.
        expect(await places({ external: ["in"] })).toBe(8);
        expect(await places({ nodes: ["out"] })).toBe(Object.keys(fabric!.cluster.nodes).length);
        expect(await places({ internal: ["in", "out"] })).toBe(0);
    });

    it.each([
        ["a range that ends before it begins", "allowed-asns", { ranges: ["65534-64512"] }, "ranges[0]", "64512-65534"],
        ["an AS number that is none", "allowed-asns", { ranges: [4294967296] }, "ranges[0]", "4294967295"],
        ["asdot without quotes", "allowed-asns", { ranges: [1.1] }, "ranges[0]", "quote it"],
        ["asdot of too large parts", "allowed-asns", { ranges: ["1.65536"] }, "ranges[0]", "RFC 5396"],
        ["a range of three", "allowed-asns", { ranges: ["1-2-3"] }, "ranges[0]", "<first>-<last>"],
        ["a list that is none", "allowed-asns", { ranges: "64512-65534" }, "ranges", '["64512-65534"]'],
        ["a network with host bits", "allowed-address-space", { all: ["10.0.0.1/8"] }, "all[0]", "10.0.0.0/8"],
        ["a leading zero", "allowed-address-space", { pods: ["010.0.0.0/8"] }, "pods[0]", "10.0.0.0/8"],
        ["IPv6 in another form", "allowed-address-space", { all: ["FD00::/8"] }, "all[0]", "fd00::/8"],
        ["an address", "forbidden-prefixes", { prefixes: { "10.0.0.1": "x" } }, 'prefixes["10.0.0.1"]', "10.0.0.1/"],
        ["no reason", "forbidden-prefixes", { prefixes: { "10.0.0.0/8": "" } }, "prefixes", "a few words"],
        ["networks as a list", "forbidden-prefixes", { prefixes: ["10.0.0.0/8"] }, "prefixes", "<network>"],
        ["an empty list of AS numbers", "allowed-asns", { ranges: [] }, "ranges", "or remove the parameter"],
        ["an empty space", "allowed-address-space", { loopbacks: [] }, "loopbacks", "or remove the parameter"],
        ["limits that leave no hold time", "hold-time", { minimum: 90, maximum: 9 }, "maximum", "90 or more"],
        ["a hold time that BGP does not know", "hold-time", { minimum: 2 }, "minimum", "from 3 to 65535"],
        ["a hold time in words", "hold-time", { minimum: "9 s" }, "minimum", "from 3 to 65535"],
        ["a direction that there is not", "required-filters", { nodes: ["both"] }, "nodes[0]", "in, out"],
        ["a limit of nothing", "maximum-prefixes", { most: 0 }, "most", "from 1"],
        ["a parameter that there is not", "hold-time", { least: 9 }, "least", "minimum, maximum"],
        ["a name that every object has", "hold-time", { constructor: 9 }, "constructor", "minimum, maximum"],
    ])("have one clear error for %s", async (_, policy, parameters, at, fix) => {
        const reading = readConfiguration({ [policy]: parameters });
        expect(reading.kind === "wrong" && reading.problems).toEqual([
            { at: expect.stringContaining(at), says: expect.stringMatching(/\w/), fix: expect.any(String) },
        ]);
        const said = (await ask([labComponent(lab())], { [policy]: parameters }))[policy];
        expect(said).toHaveLength(1);
        expect(said?.[0]).toContain(`${policy}.${at}`);
        expect(said?.[0]).toContain(fix);
    });

    it("have an error for every entry that is wrong, not only for the first", () => {
        const reading = readConfiguration({ "allowed-asns": { ranges: ["2-1", 65000, "x"] }, "hold-time": "strict" });
        expect(reading.kind === "wrong" && reading.problems.map(({ at }) => at)).toEqual([
            "allowed-asns.ranges[0]",
            "allowed-asns.ranges[2]",
            "hold-time",
        ]);
    });

    it("are known by name: another name is an error that tells the ones that are near", () => {
        const reading = readConfiguration({ "allowed-asn": {} });
        expect(reading.kind === "wrong" && reading.problems).toEqual([
            {
                at: "allowed-asn",
                says: "there is no policy of this name",
                fix: "use allowed-asns, allowed-address-space, or remove it",
            },
        ]);
    });

    it("are all in docs/policy.md, which is told where a name is near none", () => {
        const reading = readConfiguration({ strictness: "mandatory" });
        expect(reading.kind === "wrong" && reading.problems).toEqual([
            {
                at: "strictness",
                says: "there is no policy of this name",
                fix: "use one of docs/policy.md, which lists them all, or remove it",
            },
        ]);
    });

    it("are all configured by policy/config.json, and the shipped stacks keep it", async () => {
        const root = resolve(__dirname, "../..");
        const config = JSON.parse(readFileSync(join(root, "policy/config.json"), "utf8")) as Record<string, object>;
        expect(readConfiguration(config).kind).toBe("read");
        expect(Object.keys(config)).toEqual(expect.arrayContaining(organisationPolicies.map(({ name }) => name)));
        const enforced = Object.entries(config).filter(
            ([, value]) => (value as { enforcementLevel?: string }).enforcementLevel !== "disabled",
        );
        for (const stack of shipped) {
            const { lab: planned } = readLab(shippedConfig(stack), stack);
            const reported = Object.keys(await ask([labComponent(planned!)], Object.fromEntries(enforced)));
            expect(reported.filter((policy) => !policy.endsWith("-advice"))).toEqual([]);
        }
    });
});

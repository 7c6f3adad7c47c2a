import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BgpSpeaker } from "../../lab/model";
import type { VyosSeries } from "../../lab/vyos";
import { vyosConfigBoot, vyosInterfaceNames, vyosSetCommands, vyosTree } from "../../render/vyos";
import { bootText, section, setCommands, tagged, type VyosNode } from "../../render/vyos-config";
import { planLeafSpine, schema } from "../../stacks/leaf-spine";
import { planPodGateway, schema as podGatewaySchema } from "../../stacks/pod-gateway";
import { expectGolden } from "../golden";
import { articleLeafSpine, articleVrfs, everything } from "./nos-labs";
import { parseBoot, parseSet, pathsOf } from "./vyos-parse";

const versions = ["1.2.8", "1.3.8", "1.4.0", "1.5-rolling-202410210007"];
const login = { user: "vyos", encryptedPassword: "<hash>" };

function fixture(name: string): string {
    return readFileSync(join(__dirname, "fixtures", name), "utf8");
}

/**
 * What the lab says more than the article: which of equal paths is the best must not depend on what arrived first, and a
 * network is announced as long as it is there. FRR's own configuration of the same router says both, too.
 */
const beyondTheArticle = [
    /^protocols bgp \d+ parameters bestpath compare-routerid$/,
    /^protocols bgp \d+ parameters network-import-check$/,
];

/** Defaults that 1.2 writes into its file and leaves out of the commands. */
const defaults = [/^interfaces ethernet \w+ (duplex|smp-affinity|speed) auto$/, /^system time-zone UTC$/];

function without(paths: readonly (readonly string[])[], left: readonly RegExp[]): string[] {
    return paths.map((path) => path.join(" ")).filter((path) => !left.some((pattern) => pattern.test(path)));
}

describe("the switches of the article in the syntax of 1.2.8", () => {
    const lab = articleLeafSpine("1.2.8");

    it.each(Object.keys(lab.routers))("%s has the set commands of the article, in their order", (name) => {
        const lines = vyosSetCommands(lab, name, login).filter(
            (line) => !beyondTheArticle.some((pattern) => pattern.test(line.replace(/^set /, ""))),
        );
        expect(`${lines.join("\n")}\n`).toBe(fixture(`vyos-${name}.set`));
    });

    it.each(Object.keys(lab.routers))("%s has the config.boot of the article, but for defaults", (name) => {
        const ours = without(pathsOf(parseBoot(vyosConfigBoot(lab, name, login))), beyondTheArticle);
        expect(ours).toEqual(without(pathsOf(parseBoot(fixture(`vyos-${name}.boot`))), defaults));
    });

    it("says no more than those two things beyond the article", () => {
        const extra = Object.keys(lab.routers).flatMap((name) => {
            const theirs = new Set(fixture(`vyos-${name}.set`).trim().split("\n"));
            return vyosSetCommands(lab, name, login).filter((line) => !theirs.has(line));
        });
        expect(extra).toEqual([
            "set protocols bgp 500 parameters bestpath compare-routerid",
            "set protocols bgp 800 parameters bestpath compare-routerid",
            "set protocols bgp 65005 parameters bestpath compare-routerid",
            "set protocols bgp 65005 parameters network-import-check",
            "set protocols bgp 65008 parameters bestpath compare-routerid",
            "set protocols bgp 65008 parameters network-import-check",
        ]);
    });
});

describe("the topology leaf-spine with VyOS 1.2.8", () => {
    const lab = planLeafSpine(schema.parse({ nos: "vyos", nosVersion: "1.2.8" }));

    it.each(Object.keys(lab.routers))(
        "%s is the article's switch, with the management network that it leaves to containerlab",
        (name) => {
            const theirs = fixture(`vyos-${name}.set`).trim().split("\n");
            const ours = vyosSetCommands(lab, name, login);
            expect(theirs.filter((line) => !ours.includes(line))).toEqual([]);
            const more = ours.filter((line) => !theirs.includes(line)).map((line) => line.replace(/^set /, ""));
            const management = [
                /^interfaces ethernet eth0 address '172\.20\.20\.\d+\/24'$/,
                /^protocols static route 0\.0\.0\.0\/0 next-hop 172\.20\.20\.1$/,
            ];
            const known = [...beyondTheArticle, ...management];
            expect(more.filter((line) => !known.some((pattern) => pattern.test(line)))).toEqual([]);
        },
    );
});

describe("the two texts of a configuration", () => {
    it.each(versions)("%s: config.boot and set commands describe one tree", (version) => {
        const lab = everything(version, version < "1.4" ? {} : { ebgpRequiresPolicy: true });
        const boot = pathsOf(parseBoot(vyosConfigBoot(lab, "router0", login)));
        expect(boot).toEqual(parseSet(vyosSetCommands(lab, "router0", login)));
        expect(boot).toEqual(pathsOf(vyosTree(lab, "router0", login)));
    });

    const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
    const tag = fc.stringMatching(/^[a-zA-Z0-9.:/-]{1,12}$/);
    const text = fc.stringMatching(/^[ -!#-&(-[\]-~]{0,16}$/);
    const nodes = fc.letrec<{ nodes: VyosNode[]; node: VyosNode }>((tie) => ({
        nodes: fc.array(tie("node"), { maxLength: 4 }),
        node: fc.oneof(
            { depthSize: "small", withCrossShrink: true },
            fc.record({ kind: fc.constant("switch" as const), name }),
            fc.record({ kind: fc.constant("value" as const), name, value: text }),
            fc.tuple(name, tie("nodes")).map(([own, children]) => section(own, children)),
            fc.tuple(name, tag, tie("nodes")).map(([own, its, children]) => tagged(own, its, children)),
        ),
    })).nodes;

    it.each(["always", "where needed"] as const)("any tree comes back from its config.boot (quotes %s)", (quoting) => {
        fc.assert(
            fc.property(nodes, (tree) => {
                const root = section("root", tree);
                expect(parseBoot(bootText([root], quoting))).toEqual([root]);
            }),
        );
    });

    it("any tree has the same paths in its set commands", () => {
        fc.assert(
            fc.property(nodes, (tree) => {
                const root = section("root", tree);
                expect(parseSet(setCommands([root]))).toEqual(pathsOf([root]));
            }),
        );
    });

    it("refuses a value that no release can quote", () => {
        const tree = [section("system", [{ kind: "value", name: "host-name", value: "it's" }])];
        expect(() => setCommands(tree)).toThrow(/cannot have a quote/);
        expect(() => bootText(tree, "always")).toThrow(/cannot have a quote/);
    });
});

describe("a router with all that the model has", () => {
    it.each(versions)("in the syntax of %s", (version) => {
        const lab = everything(version, version < "1.4" ? {} : { ebgpRequiresPolicy: true, defaults: "datacenter" });
        const folder = join(__dirname, "golden", "vyos");
        expectGolden(join(folder, `everything-${version.slice(0, 3)}.boot`), vyosConfigBoot(lab, "router0", login));
        expectGolden(
            join(folder, `everything-${version.slice(0, 3)}.set`),
            `${vyosSetCommands(lab, "router0", login).join("\n")}\n`,
        );
    });

    it("checks that there is a route to its networks unless it is told not to", () => {
        const checks = (more: Partial<BgpSpeaker>) =>
            vyosSetCommands(everything("1.4.0", more), "router0").filter((line) => line.includes("import-check"));
        expect(checks({})).toHaveLength(1);
        expect(checks({ networkImportCheck: false })).toEqual([]);
    });

    it("has VRFs from 1.4 on", () => {
        const lab = articleVrfs({ nos: "vyos", nosVersion: "1.4.0" });
        const text = `${vyosSetCommands(lab, "csr1000v").join("\n")}\n`;
        expectGolden(join(__dirname, "golden", "vyos", "vrfs-1.4.set"), text);
    });
});

describe("the name of an interface", () => {
    const lab = everything("1.4.0");
    const names = (series: VyosSeries, ...own: readonly string[]) => {
        const link = lab.routers.router0!.interfaces[0]!;
        const interfaces = own.map((name) => ({ ...link, name }));
        return [...vyosInterfaceNames(interfaces, series).values()].slice(1);
    };

    it("is its place in 1.2, which has only names of its own", () => {
        expect(names("1.2", "enp7s0", "enp8s0")).toEqual(["eth0", "eth1"]);
    });

    it.each([
        ["is eth with the number of the model's", ["net1", "net0"], ["eth1", "eth0"]],
        ["is the model's where VyOS has such names", ["enp7s0", "enp8s0"], ["enp7s0", "enp8s0"]],
        ["is its place where the names have no numbers", ["uplink", "rack1"], ["eth0", "eth1"]],
        ["is its place where two names have one number", ["net1", "rack1"], ["eth0", "eth1"]],
    ])("%s", (_, own, expected) => {
        expect(names("1.3", ...own)).toEqual(expected);
    });
});

describe("what cannot be said", () => {
    it("BGP in a VRF before 1.4", () => {
        const lab = articleVrfs({ nos: "vyos", nosVersion: "1.3.8" });
        expect(() => vyosSetCommands(lab, "csr1000v")).toThrow(
            "routers.csr1000v.vrfs: VyOS 1.3 has no BGP in a VRF; use nosVersion 1.4 or newer",
        );
    });

    it("RFC 8212 before 1.4", () => {
        expect(() => vyosSetCommands(everything("1.2.8", { ebgpRequiresPolicy: true }), "router0")).toThrow(
            "routers.router0.bgp.ebgpRequiresPolicy: VyOS 1.2 has no ebgp-requires-policy; use nosVersion 1.4 or newer",
        );
    });

    it("neighbors by label, and what routers in Pods do", () => {
        const lab = planPodGateway(podGatewaySchema.parse({ peering: "router" }));
        expect(() => vyosSetCommands(lab, "router0")).toThrow(
            "routers.router0.bgp.podNeighbors: VyOS has no timers for neighbors by label; use nos: frr",
        );
        expect(() => vyosSetCommands(lab, "loadbalancer-0")).toThrow("routers.loadbalancer-0.pod: VyOS runs in no Pod");
        const { pod: _, ...router } = lab.routers["loadbalancer-0"]!;
        expect(() => vyosSetCommands({ ...lab, routers: { router } }, "router")).toThrow(
            "routers.router.virtualServers: VyOS passes no connections on",
        );
    });

    it.each(["1.1.8", "1.20", "sagitta", ""])("a release that is not known: %j", (version) => {
        expect(() => vyosSetCommands(everything(version), "router0")).toThrow(
            /^routers\.router0\.nosVersion: .* is no release of VyOS that is known/,
        );
    });

    it.each(["current", "1.5", "1.5-stream-2025-Q1", "2026.03"])("%s has the syntax of 1.5", (version) => {
        const asIs = vyosSetCommands(everything("1.5.0"), "router0");
        expect(vyosSetCommands(everything(version), "router0")).toEqual(asIs);
    });
});

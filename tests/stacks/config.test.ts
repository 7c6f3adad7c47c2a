import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { isError } from "../../lab/rules/findings";
import { findTopology, topologyNames } from "../../stacks";
import { readLab } from "../../stacks/config";
import { closest } from "../../stacks/suggest";

describe("a stack's configuration", () => {
    it("may be empty: everything has a default", () => {
        const { lab, settings, findings } = readLab({});
        expect(lab?.topology).toBe("single-frr");
        expect(settings).toEqual({ runtime: "netns", embedded: { speaker: "gobgp" }, verify: { deadline: 30 } });
        expect(findings.some(isError)).toBe(false);
    });

    it("gives the settings of runtime and verification", () => {
        const { settings } = readLab({ embedded: { speaker: "bird" }, verify: { deadline: 5 } });
        expect(settings).toEqual({ runtime: "netns", embedded: { speaker: "bird" }, verify: { deadline: 5 } });
    });

    it("reads AS numbers in every form that people write", () => {
        expect(readLab({ lab: { routerAsn: "AS64999", nodeAsn: "1.10" } }).lab?.routers.router0?.bgp.asn).toBe(64999);
    });

    it("gives no lab when anything is an error", () => {
        expect(readLab({ runtime: "docker" }).lab).toBeUndefined();
        expect(readLab({ lab: { workers: 0 } }).lab).toBeUndefined();
        expect(readLab({ lab: { routerId: "0.0.0.0" } }).lab).toBeUndefined();
    });

    it("says of a wrong value nothing beyond what is wrong with it", () => {
        // The default pod CIDR that stands in for the wrong one would overlap these services.
        const { findings } = readLab({
            lab: { podCidrs: ["10.1"], serviceCidrs: ["10.100.0.0/16", "fd00:10:255::/108"] },
        });
        const errors = findings.filter(isError).map(({ id, at }) => [id, at]);
        expect(errors.filter(([id]) => id !== "CFG-001")).toEqual([]);
    });

    it("does not count nodes against a network while their number is wrong", () => {
        const { findings } = readLab({ lab: { workers: 300, linkPools: ["10.9.0.0/24", "fd00:9::/48"] } });
        expect(findings.filter(isError).map(({ at }) => at)).toEqual(["bgp-lab:lab.workers"]);
    });

    it("still asks the rules about everything else", () => {
        const { findings } = readLab({ lab: { workers: 0, routerId: "0.0.0.0" } });
        expect(findings.filter(isError).map(({ at }) => at)).toEqual(["bgp-lab:lab.workers", "bgp-lab:lab.routerId"]);
    });

    it("says once what one parameter does in many places", () => {
        const { findings } = readLab({ lab: { workers: 50, gracefulRestartTime: 4096 } });
        const errors = findings.filter(isError);
        expect(errors).toHaveLength(1);
        expect(errors[0]!.says).toContain("(and 101 more like this)");
    });

    it("is never changed by reading it", () => {
        const config = { lab: { workers: 300, pools: [{ name: "p", blocks: ["x"] }] } };
        const before = structuredClone(config);
        readLab(config);
        expect(config).toEqual(before);
    });
});

describe("topologies", () => {
    it("are found by name", () => {
        expect(topologyNames).toEqual(["single-frr"]);
        expect(findTopology("single-frr")?.(({ name }) => name)).toBe("single-frr");
        expect(findTopology("leaf")).toBeUndefined();
    });
});

describe("Pulumi.yaml", () => {
    const root = join(__dirname, "..", "..");
    const project = parse(readFileSync(join(root, "Pulumi.yaml"), "utf8")) as {
        readonly name: string;
        readonly config: Readonly<
            Record<string, { readonly type: string; readonly default: unknown; readonly description: string }>
        >;
    };

    it("declares every key with a type, a description and the default of the code", () => {
        expect(project.name).toBe("bgp-lab");
        expect(Object.keys(project.config)).toEqual(["topology", "runtime", "lab", "embedded", "verify"]);
        expect(
            Object.values(project.config).every(({ type, description }) => type.length > 0 && description.length > 0),
        ).toBe(true);
        const defaults = Object.fromEntries(
            Object.entries(project.config).map(([key, declared]) => [key, declared.default]),
        );
        expect(readLab(defaults)).toEqual(readLab({}));
    });
});

describe("a suggestion", () => {
    it("is the closest word, and none when nothing is close", () => {
        expect(closest("wokers", ["workers", "replicas"])).toBe("workers");
        expect(closest("tunel", ["native", "tunnel"])).toBe("tunnel");
        expect(closest("frobnicate", ["workers", "replicas"])).toBeUndefined();
    });
});

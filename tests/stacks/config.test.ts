import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { isError } from "../../lab/rules/findings";
import { findTopology, topologyNames } from "../../stacks";
import { readLab, type Settings, type StackConfig } from "../../stacks/config";
import { clusterName } from "../../stacks/names";
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

/** The settings of a stack that runs in Docker. */
function inDocker(config: StackConfig = {}, stack = "single-frr"): Extract<Settings, { runtime: "docker" }> {
    const { settings, findings } = readLab({ ...config, runtime: "docker" }, stack);
    expect(findings.filter(isError)).toEqual([]);
    expect(settings?.runtime).toBe("docker");
    return settings as Extract<Settings, { runtime: "docker" }>;
}

describe("a stack in Docker", () => {
    it("has images by digest, a chart and times to wait for, without being told", () => {
        const { docker, verify } = inDocker();
        expect(docker).toMatchObject({
            chart: { kind: "repository", repository: "https://helm.cilium.io", version: "1.20.2" },
            values: {},
            binaries: { kind: "kind" },
            timeouts: { cluster: 300, ready: 300 },
            kubeProxyReplacement: false,
        });
        expect(docker.images.node).toMatch(/^kindest\/node:v1\.34\.11@sha256:[0-9a-f]{64}$/);
        expect(docker.images.router).toMatch(/^quay\.io\/frrouting\/frr:10\.5\.3@sha256:[0-9a-f]{64}$/);
        expect(docker.images.client).toMatch(/\/netshoot:v0\.15@sha256:[0-9a-f]{64}$/);
        expect(docker.images.web).toMatch(/\/nginx:[^@]+@sha256:[0-9a-f]{64}$/);
        expect(docker.images.controller).toMatch(/\/node:[^@]+@sha256:[0-9a-f]{64}$/);
        expect(Object.keys(docker.images).sort()).toEqual(["client", "controller", "node", "router", "web"]);
        expect(verify).toEqual({ deadline: 180 });
    });

    it("has the article's versions and images when it asks for them", () => {
        const { lab } = readLab({ runtime: "docker", lab: { versions: "article" } }, "single-frr");
        const { docker } = inDocker({ lab: { versions: "article" } });
        expect(lab?.cluster).toMatchObject({ kubernetesVersion: "1.28.0", cilium: { version: "1.14.1" } });
        expect(docker.images.node).toMatch(/^kindest\/node:v1\.28\.0@sha256:/);
        expect(docker.images.router).toBe("docker.io/frrouting/frr:v8.4.0");
        expect(docker.images.client).toMatch(/\/netshoot:v0\.11@sha256:/);
        expect(docker.chart).toMatchObject({ version: "1.14.1" });
    });

    it("takes what is said in words over a set of versions", () => {
        const { docker } = inDocker({
            lab: { versions: "article", kubernetesVersion: "1.33.12", ciliumVersion: "1.18.5" },
            docker: { images: { router: "example.org/frr:1" }, chart: { version: "1.18.6" } },
        });
        expect(docker.images.node).toMatch(/^kindest\/node:v1\.33\.12@/);
        expect(docker.images.router).toBe("example.org/frr:1");
        expect(docker.images.client).toMatch(/\/netshoot:v0\.11@/);
        expect(docker.chart).toMatchObject({ version: "1.18.6" });
    });

    it("runs without any registry: every image, the chart and the programs can be local", () => {
        const images = {
            node: "bgp-lab.test/node:v1.34.4",
            router: "bgp-lab.test:5000/frr:8.4.4",
            client: "client:12",
            web: `web@sha256:${"0".repeat(64)}`,
            controller: "bgp-lab.test/nodejs:20",
            cilium: "bgp-lab.test/cilium:v1.20.2",
            operator: "bgp-lab.test/operator-generic:v1.20.2",
        };
        const { docker, verify } = inDocker({
            lab: { kubernetesVersion: "1.34.4" },
            docker: {
                images,
                chart: { path: "/srv/charts/cilium" },
                values: { debug: { enabled: true } },
                binaries: { kind: "/opt/kind" },
                timeouts: { cluster: 60 },
            },
            verify: { deadline: 20 },
        });
        expect(docker.images).toEqual(images);
        expect(docker.chart).toEqual({ kind: "path", path: "/srv/charts/cilium" });
        expect(docker.values).toEqual({ debug: { enabled: true } });
        expect(docker.binaries).toEqual({ kind: "/opt/kind" });
        expect(docker.timeouts).toEqual({ cluster: 60, ready: 300 });
        expect(verify).toEqual({ deadline: 20 });
    });

    it("is the same lab as in network namespaces, but for the name of its cluster", () => {
        const netns = readLab({}, "single-frr").lab!;
        expect(readLab({ runtime: "docker" }, "single-frr").lab).toEqual(netns);
        const named = JSON.parse(JSON.stringify(netns).replaceAll("cilium-bgp-cp", "cilium-bgp-cp-mine"));
        expect(readLab({ runtime: "docker" }, "mine").lab).toEqual(named);
    });

    it("keeps the name that it gives its cluster itself", () => {
        expect(readLab({ runtime: "docker", lab: { cluster: "blue" } }, "mine").lab?.cluster.name).toBe("blue");
        expect(readLab({ runtime: "netns" }, "mine").lab?.cluster.name).toBe("cilium-bgp-cp");
    });

    it("is asked the rules that are about Docker, and no other stack is", () => {
        const lab = { linkMask: 30 };
        expect(
            readLab({ runtime: "docker", lab })
                .findings.filter(isError)
                .map(({ id }) => id),
        ).toEqual(["DKR-SEG-001"]);
        expect(readLab({ runtime: "netns", lab }).findings.filter(isError)).toEqual([]);
    });

    it("may have any Kubernetes version in network namespaces, where there are no node images", () => {
        expect(readLab({ lab: { kubernetesVersion: "1.34.4" } }).findings.filter(isError)).toEqual([]);
    });
});

describe("the name of a stack's cluster", () => {
    it.each([
        ["dev", "lab-dev"],
        ["My_Stack.1", "lab-my-stack-1-676469"],
        ["my-stack-1", "lab-my-stack-1"],
        ["a".repeat(28), `lab-${"a".repeat(28)}`],
        ["a".repeat(29), `lab-${"a".repeat(21)}-6913c9`],
        ["--", "lab-d8156b"],
    ])("of the stack %j is %j", (stack, name) => {
        expect(clusterName("lab", stack)).toBe(name);
    });

    it("is a valid name of its own for every stack", () => {
        fc.assert(
            fc.property(fc.uniqueArray(fc.stringMatching(/^[A-Za-z0-9_.-]{1,60}$/), { minLength: 2 }), (stacks) => {
                const names = stacks.map((stack) => clusterName("cilium-bgp-cp", stack));
                expect(new Set(names).size).toBe(stacks.length);
                for (const name of names) {
                    expect(name).toMatch(/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/);
                }
            }),
        );
    });
});

describe("topologies", () => {
    it("are found by name", () => {
        expect(topologyNames).toContain("single-frr");
        for (const wanted of topologyNames) {
            expect(findTopology(wanted)?.(({ name }) => name)).toBe(wanted);
        }
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
        expect(Object.keys(project.config)).toEqual(["topology", "runtime", "lab", "embedded", "docker", "verify"]);
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

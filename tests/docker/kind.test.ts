import { randomInt } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { onPath } from "../../bench/measure";
import { addressOf } from "../../lab/address";
import type { Lab } from "../../lab/model";
import { inspectLab } from "../../provider/docker/inspection";
import { dockerName, dockerPrefix } from "../../render/docker";
import { readLab } from "../../stacks/config";
import { canRun, engine, engineMissing } from "./engine";
import { PublishedStack, publishedMissing } from "./published";
import { run } from "./stand-in";

/** Variable that names a stack file with the images and the chart to use: `bgp-lab:lab` and `bgp-lab:docker` are taken from it. */
const variable = "BGP_LAB_TEST_KIND";
const given = process.env[variable];

async function kindMissing(): Promise<string | undefined> {
    const missing = ["kind", "pulumi-resource-command", "pulumi-resource-kubernetes"].filter((each) => !onPath(each));
    if (missing.length > 0) {
        return `no ${missing.join(", ")} on PATH`;
    }
    return given === undefined ? `${variable} names no stack file with images for a cluster` : undefined;
}

const available = canRun(
    "a lab on a real cluster with Cilium, on the published Pulumi CLI",
    engineMissing(),
    publishedMissing(),
    kindMissing(),
);

type Section = Readonly<Record<string, unknown>>;

/** What the stack file says under a key. */
function section(key: string): Section {
    const file = parse(readFileSync(given!, "utf8")) as { readonly config: Readonly<Record<string, Section>> };
    return file.config[`bgp-lab:${key}`] ?? {};
}

// Without a leading zero in hexadecimal, which a canonical address does not have (RFC 5952).
const number = randomInt(16, 256);
const hex = number.toString(16);
const name = `kind${process.pid}`;
const prefix = dockerPrefix("bgp-lab", name);
const cluster = `bgp-lab-${name}`;
const router = dockerName(prefix, "router0");
const controlPlane = `${cluster}-control-plane`;

/** Networks that no other test and no lab has by default. */
const networks = {
    nodeSubnets: [`100.70.${number}.0/26`, `fd00:100:70:${hex}::/64`],
    linkPools: [`100.71.${number}.0/24`, `fd00:100:71:${hex}00::/56`],
    linkMask: 28,
    clientSubnets: [`100.72.${number}.0/28`, `fd00:100:72:${hex}::/64`],
};

function configOf(parameters: Section, docker: Section) {
    const lab = { ...section("lab"), ...networks, cluster, ...parameters };
    return { topology: "single-frr", runtime: "docker", lab, docker: { ...section("docker"), ...docker } };
}

/** What the CLI says of a run in JSON. */
interface Preview {
    readonly steps: readonly { readonly op: string; readonly urn: string }[];
}

describe("a lab on a real cluster", () => {
    beforeEach(async ({ skip }) => skip(!(await available)));

    const stack = new PublishedStack(join(__dirname, "../.."), "bgp-lab", name);
    const kubeconfig = join(homedir(), ".kube", "config");
    let model: Lab;
    let ownKubeconfig = "";

    /** Sets the stack's configuration. @returns its model */
    function configure(parameters: Section = {}, docker: Section = {}): Lab {
        const config = configOf(parameters, docker);
        stack.configure(config);
        const { lab, findings } = readLab(config, name);
        expect(findings.filter(({ severity }) => severity === "error")).toEqual([]);
        model = lab!;
        return model;
    }

    const isOwn = (each: string) => each.includes(`${prefix}-`) || each.includes(cluster);

    /** Containers, networks and tags of images that carry the stack's names. */
    async function present(): Promise<readonly string[]> {
        const [containers, all, images] = await Promise.all([
            engine.listContainers({ all: true }),
            engine.listNetworks(),
            engine.listImages(),
        ]);
        const names = [
            ...containers.flatMap(({ Names }) => Names),
            ...all.map(({ Name }) => Name),
            ...images.flatMap(({ RepoTags }) => RepoTags ?? []),
        ];
        return names.filter(isOwn).sort();
    }

    /** Names of the volumes of the stack's containers. */
    async function volumes(): Promise<readonly string[]> {
        const containers = await engine.listContainers({ all: true });
        return containers
            .filter(({ Names }) => Names.some(isOwn))
            .flatMap(({ Mounts }) => Mounts.flatMap((mount) => mount.Name ?? []));
    }

    async function idOf(container: string): Promise<string> {
        return (await engine.getContainer(container).inspect()).Id;
    }

    function kubectl(...args: readonly string[]): Promise<string> {
        return run(controlPlane, ["kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf", ...args]);
    }

    /** Next hops of a route in the router's kernel: what neither the lab's model nor its checks have a part in. */
    async function nextHops(prefix: string): Promise<readonly string[]> {
        const family = prefix.includes(":") ? "-6" : "-4";
        const [route] = JSON.parse(await run(router, ["ip", family, "-j", "route", "show", prefix])) as readonly {
            readonly gateway?: string;
            readonly nexthops?: readonly { readonly gateway: string }[];
        }[];
        return (route?.nexthops ?? [route]).flatMap((hop) => hop?.gateway ?? []).sort();
    }

    /** Addresses of the nodes on their links to the router, of one family. */
    function linkAddresses(lab: Lab, nodes: readonly string[], six: boolean): readonly string[] {
        const { nodeSegment } = lab.cluster;
        return nodes
            .flatMap((node) => lab.cluster.nodes[node]!.interfaces)
            .filter(({ attachment }) => attachment.kind === "segment" && attachment.segment !== nodeSegment)
            .flatMap(({ addresses }) => addresses.map(addressOf))
            .filter((address) => address.includes(":") === six)
            .sort();
    }

    async function podNodes(): Promise<readonly string[]> {
        const path = "jsonpath={range .items[*]}{.spec.nodeName}{'\\n'}{end}";
        const said = await kubectl("get", "pods", "-n", "test", "--field-selector=status.phase=Running", "-o", path);
        return [...new Set(said.split("\n").filter((line) => line !== ""))].sort();
    }

    beforeAll(async () => {
        if (!(await available)) {
            return;
        }
        ownKubeconfig = existsSync(kubeconfig) ? readFileSync(kubeconfig, "utf8") : "";
        await stack.init();
    });

    afterAll(async () => {
        if (await available) {
            await stack.attempt("destroy");
        }
        stack.remove();
    });

    it("says why a cluster does not get ready, and what to do", async () => {
        const images = { ...(section("docker").images as Section), web: "bgp-lab.invalid/nothing:1" };
        configure({}, { timeouts: { ready: 60 }, images });
        const { code, said } = await stack.attempt("up");
        expect(code).not.toBe(0);
        expect(said).toContain("the cluster is not ready after 60 s");
        expect(said).toContain("bgp-lab.invalid/nothing:1");
        expect(said).toContain("bgp-lab:docker.images");
    });

    it("goes on where it stopped, and ends verified", async () => {
        const cut = await idOf(controlPlane);
        configure();
        const said = await stack.run("up");
        expect(await idOf(controlPlane)).toBe(cut);
        const passed = Number(/checksPassed: (\d+)/.exec(said)?.[1]);
        expect(passed).toBeGreaterThan(50);
        for (const phase of ["kind", "cni", "routers", "sessions", "firstAnswer"]) {
            expect(Number(new RegExp(`${phase} *: ([0-9.]+)`).exec(said)?.[1])).toBeGreaterThan(0);
        }
    });

    it("has the next hops of the model in the router's kernel, and the Local service only from nodes with pods", async () => {
        const { nodes, services } = model.cluster;
        const withPods = await podNodes();
        expect(withPods).toHaveLength(3);
        for (const { name: service, loadBalancerAddresses, externalTrafficPolicy } of services) {
            const announcers = externalTrafficPolicy === "Local" ? withPods : Object.keys(nodes);
            for (const address of loadBalancerAddresses) {
                const expected = linkAddresses(model, announcers, address.includes(":"));
                expect([service, address, await nextHops(address)]).toEqual([service, address, expected]);
            }
        }
    });

    it("has nothing to do a second time, and finds no drift", async () => {
        await stack.run("preview", "--diff", "--expect-no-changes");
        await stack.run("preview", "--diff", "--refresh", "--expect-no-changes");
    });

    it("keeps the way into the cluster secret", async () => {
        const state = await stack.state();
        const key = await run(controlPlane, [
            "sh",
            "-c",
            "sed -n 's/.*client-key-data: //p' /etc/kubernetes/admin.conf",
        ]);
        expect(key.trim().length).toBeGreaterThan(100);
        expect(state).toContain(`${name}::bgp-lab::`);
        expect(state).not.toContain(key.trim());
        expect(state).not.toContain("client-key-data");
    });

    it("changes ASes, pools, services and the number of pods in place", async () => {
        const nodes = await Promise.all([controlPlane, router].map(idOf));
        const pools = [
            { name: "default-pool", blocks: ["10.254.0.0/24", "fd00:10:254::/64"] },
            { name: "second", blocks: ["10.253.0.0/24", "fd00:10:253::/64"] },
        ];
        const services = [
            { name: "app-svc-cluster", addresses: ["10.253.0.10", "fd00:10:253::10"] },
            { name: "app-svc-local", externalTrafficPolicy: "Local", addresses: ["10.254.0.11", "fd00:10:254::11"] },
        ];
        configure({ nodeAsn: 65101, routerAsn: 65100, pools, services, replicas: 2 });
        await stack.run("up");
        expect(await podNodes()).toHaveLength(2);
        expect(await nextHops("10.253.0.10")).toHaveLength(4);
        expect(await nextHops("10.254.0.11")).toHaveLength(2);
        expect(await nextHops("10.254.0.10")).toEqual([]);
        configure({ nodeAsn: 65101, routerAsn: 65100, pools, services, replicas: 6 });
        await stack.run("up");
        expect(await podNodes()).toHaveLength(3);
        expect(await Promise.all([controlPlane, router].map(idOf))).toEqual(nodes);
        await stack.run("preview", "--diff", "--expect-no-changes");
    });

    it("tells what of the cluster is other than the lab has it, and heals it", async () => {
        const host = dockerName(prefix, "client0");
        await kubectl("-n", "test", "scale", "deployment", "app-worker", "--replicas=3");
        await kubectl("-n", "test", "rollout", "status", "deployment", "app-worker", "--timeout=120s");
        const { results } = await inspectLab(
            { model, containers: { router0: router, client0: host }, controlPlane },
            0,
        );
        expect(results).toEqual([
            expect.objectContaining({
                status: "fail",
                subject: "cluster.workloads[0].pods",
                observed: expect.stringContaining(`3 on ${cluster}-worker instead of 2`),
            }),
        ]);
        await stack.run("up", "--refresh");
        expect(await podNodes()).toHaveLength(3);
        await stack.run("preview", "--diff", "--refresh", "--expect-no-changes");
    });

    it("has a node back after docker restart", async () => {
        await engine.getContainer(`${cluster}-worker2`).restart({ t: 0 });
        await stack.run("up", "--refresh");
        await stack.run("preview", "--diff", "--refresh", "--expect-no-changes");
    });

    it("tells that one worker more means another cluster", async () => {
        configure({ workers: 4 });
        const preview = JSON.parse(await stack.run("preview", "--json")) as Preview;
        const ops = preview.steps.filter(({ urn }) => urn.includes("$command:local:Command::")).map(({ op }) => op);
        expect(ops).toContain("replace");
    });

    it("names a cluster of somebody else, and a kind that is not there, before anything is made", async () => {
        const other = new PublishedStack(join(__dirname, "../.."), "bgp-lab", `${name}b`);
        await other.init();
        const elsewhere = {
            nodeSubnets: [`100.73.${number}.0/26`, `fd00:100:73:${hex}::/64`],
            linkPools: [`100.74.${number}.0/24`, `fd00:100:74:${hex}00::/56`],
            clientSubnets: [`100.75.${number}.0/28`, `fd00:100:75:${hex}::/64`],
        };
        other.configure(configOf(elsewhere, { binaries: { kind: "/nowhere/kind" } }));
        const made = await present();
        const { code, said } = await other.attempt("up");
        expect(code).not.toBe(0);
        expect(said).toContain("the program /nowhere/kind cannot be run");
        expect(said).toContain(`a kind cluster ${cluster} that is not this lab's exists`);
        expect(await present()).toEqual(made);
        other.remove();
    });

    it("leaves nothing behind", async () => {
        const made = await volumes();
        expect(made.length).toBeGreaterThan(0);
        await stack.run("destroy");
        expect(await present()).toEqual([]);
        const { Volumes } = await engine.listVolumes();
        expect(Volumes.map(({ Name }) => Name).filter((each) => made.includes(each))).toEqual([]);
        expect(existsSync(kubeconfig) ? readFileSync(kubeconfig, "utf8") : "").toBe(ownKubeconfig);
    });
});

import { randomInt } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { containerName } from "../../components/docker/fabric";
import type { Lab } from "../../lab/model";
import { inspectLab } from "../../provider/docker/inspection";
import { dockerPrefix, networkName } from "../../render/docker";
import { planSingleFrr, schema } from "../../stacks/single-frr";
import { canRun, engine, engineMissing } from "./engine";
import { image, reference } from "./images";
import { PublishedStack, publishedMissing } from "./published";
import { beNode, run, speakerMissing } from "./stand-in";

const project = "bgp-lab-fabric";
const program = join(__dirname, "fabric-program");
// Without a leading zero in hexadecimal, which a canonical address does not have (RFC 5952).
const number = randomInt(16, 256);
const hex = number.toString(16);

/** Networks that no other test and no lab has by default. */
const networks = {
    nodeSubnets: [`100.66.${number}.0/26`, `fd00:100:66:${hex}::/64`],
    linkPools: [`100.67.${number}.0/24`, `fd00:100:67:${hex}00::/56`],
    linkMask: 28,
    clientSubnets: [`100.68.${number}.0/28`, `fd00:100:68:${hex}::/64`],
};

const workers = 1;

/** A lab whose names and networks are its own: a router, a client, a control-plane node and a worker. */
function model(parameters: Readonly<Record<string, unknown>> = {}): Lab {
    const cluster = `fabric${process.pid}-${hex}`;
    return planSingleFrr(schema.parse({ cluster, workers, replicas: 1, ...networks, ...parameters }));
}

/** The lab with a second link between router and client. */
function withSecondLink(lab: Lab): Lab {
    const [name, router, client] = ["second", "router0", "client0"];
    const end = (host: number, port: string) => ({
        name: port,
        attachment: { kind: "segment" as const, segment: name },
        addresses: [`100.69.${number}.${host}/28`, `fd00:100:69:${hex}::${host}/64`],
    });
    const subnets = [`100.69.${number}.0/28`, `fd00:100:69:${hex}::/64`];
    const joined = <T extends Lab["hosts"][string]>(device: T, host: number, port: string): T => ({
        ...device,
        interfaces: [...device.interfaces, end(host, port)],
    });
    return {
        ...lab,
        segments: { ...lab.segments, [name]: { kind: "point-to-point", subnets, mtu: 1500 } },
        routers: { ...lab.routers, [router]: joined(lab.routers[router]!, 1, "net9") },
        hosts: { ...lab.hosts, [client]: joined(lab.hosts[client]!, 2, "net1") },
    };
}

/** One stack of the program, under a name of its own, with what stands for its nodes. */
class FabricStack {
    readonly stack: PublishedStack;
    readonly prefix: string;
    private readonly sockets = mkdtempSync(join(tmpdir(), "bgp-lab-fabric-"));
    private lab = model();
    private images = { router: reference("router"), client: reference("client"), node: reference("node") };

    constructor(name: string) {
        this.stack = new PublishedStack(program, project, name);
        this.prefix = dockerPrefix(project, name);
    }

    /** Sets what the program builds. */
    configure(lab: Lab, images: Partial<typeof this.images> = {}): void {
        this.lab = lab;
        for (const node of Object.keys(lab.cluster.nodes)) {
            mkdirSync(join(this.sockets, node), { recursive: true });
        }
        const fabric = { model: lab, images: { ...this.images, ...images }, sockets: this.sockets };
        this.stack.configure({ fabric });
    }

    container(device: string): string {
        return device in this.lab.cluster.nodes ? device : containerName(this.lab, this.prefix, device);
    }

    sidecar(node: string): string {
        return containerName(this.lab, this.prefix, node);
    }

    network(segment: string): string {
        return networkName(this.lab, this.prefix, segment);
    }

    /** Has the containers of the nodes do what nodes do. */
    async startNodes(...nodes: readonly string[]): Promise<void> {
        const all = nodes.length > 0 ? nodes : Object.keys(this.lab.cluster.nodes);
        await Promise.all(all.map((node) => beNode(this.lab, node, join(this.sockets, node))));
    }

    /** What the runtime's own checks find wrong within a minute: sessions, routes, offers, services and silence. */
    async wrong(): Promise<readonly string[]> {
        const devices = [...Object.keys(this.lab.routers), ...Object.keys(this.lab.hosts)];
        const containers = Object.fromEntries(devices.map((device) => [device, this.container(device)]));
        const { results } = await inspectLab({ model: this.lab, containers }, 60);
        expect(results.length).toBeGreaterThan(20);
        return results
            .filter(({ status }) => status === "fail")
            .map(({ subject, expected, observed }) => `${subject}: ${expected}; observed: ${observed}`);
    }

    private isOwn(name: string): boolean {
        return name.startsWith(`${this.prefix}-`) || name.startsWith(`${this.lab.cluster.name}-`);
    }

    /** Containers and networks that are on the engine under the stack's names, with their ids. */
    async present(): Promise<Readonly<Record<string, string>>> {
        const [containers, all] = await Promise.all([engine.listContainers({ all: true }), engine.listNetworks()]);
        const found = [
            ...containers.map(({ Id, Names }): [string, string] => [(Names[0] ?? "").slice(1), Id]),
            ...all.map(({ Id, Name }): [string, string] => [`network ${Name}`, Id]),
        ];
        return Object.fromEntries(found.filter(([name]) => this.isOwn(name.replace("network ", ""))));
    }

    /** Names of the volumes that the containers have. */
    async volumes(): Promise<readonly string[]> {
        const names = Object.keys(await this.present()).filter((name) => !name.startsWith("network "));
        const found = await Promise.all(names.map((name) => engine.getContainer(name).inspect()));
        return found.flatMap(({ Mounts }) => Mounts.flatMap((mount) => mount.Name ?? []));
    }

    /** Removes everything, whatever state a failed test left it in. */
    async clear(): Promise<void> {
        if (await available) {
            await this.clearEngine();
        }
        rmSync(this.sockets, { recursive: true, force: true });
        this.stack.remove();
    }

    private async clearEngine(): Promise<void> {
        const names = Object.keys(await this.present());
        const containers = names.filter((name) => !name.startsWith("network "));
        await Promise.all(containers.map((name) => engine.getContainer(name).remove({ force: true, v: true })));
        const rest = names.filter((name) => name.startsWith("network "));
        await Promise.all(rest.map((name) => engine.getNetwork(name.replace("network ", "")).remove()));
    }
}

/** How often each session of a router that is up has come up, by neighbor. */
async function sessions(router: string): Promise<Readonly<Record<string, number>>> {
    const neighbors = JSON.parse(await run(router, ["vtysh", "-c", "show bgp neighbors json"])) as Readonly<
        Record<string, { readonly bgpState: string; readonly connectionsEstablished: number }>
    >;
    const up = Object.entries(neighbors).filter(([, { bgpState }]) => bgpState === "Established");
    return Object.fromEntries(up.map(([name, { connectionsEstablished }]) => [name, connectionsEstablished]));
}

/** An image without a single file. */
async function importEmptyImage(name: string): Promise<void> {
    const [repo, tag] = name.split(":");
    const folder = mkdtempSync(join(tmpdir(), "bgp-lab-hollow-"));
    const archive = join(folder, "empty.tar");
    // The end of an archive: two blocks of zeros (POSIX ustar).
    writeFileSync(archive, Buffer.alloc(1024));
    const progress = await engine.importImage(archive, { repo, tag });
    await new Promise((done) => engine.modem.followProgress(progress, done));
    rmSync(folder, { recursive: true });
}

const available = canRun(
    "the fabric of a lab on the published Pulumi CLI",
    engineMissing(),
    publishedMissing(),
    speakerMissing(),
);
const worker = Object.keys(model().cluster.nodes)[1]!;
const noChanges = ["--diff", "--expect-no-changes"];

beforeAll(async () => {
    if (await available) {
        await Promise.all([image("client"), image("router"), image("node")]);
    }
});

/** Each test runs the CLI several times; on a busy machine each run takes half a minute. */
const timeout = 900_000;

describe("the fabric of a lab in Docker", { timeout }, () => {
    beforeEach(async ({ skip }) => skip(!(await available)));

    const fabric = new FabricStack(`f${process.pid}-${hex}`);
    const { stack } = fabric;

    afterAll(() => fabric.clear());

    it("comes up, and has the sessions and routes that the model predicts, services and silence", async () => {
        fabric.configure(model());
        await stack.init();
        await stack.run("up");
        await fabric.startNodes();
        expect(await fabric.wrong()).toEqual([]);
        // Two families to each node.
        expect(Object.keys(await sessions(fabric.container("router0")))).toHaveLength(2 * (workers + 1));
    });

    it("has nothing to do a second time, and finds no drift", async () => {
        await stack.run("preview", ...noChanges);
        await stack.run("preview", "--refresh", ...noChanges);
    });

    it("changes a router live: containers and sessions stay", async () => {
        const before = [await fabric.present(), await sessions(fabric.container("router0"))];
        fabric.configure(model({ routerTimers: { holdTime: 12, keepalive: 4, connectRetry: 1 }, maximumPaths: 1 }));
        await stack.run("up");
        expect(await fabric.wrong()).toEqual([]);
        expect([await fabric.present(), await sessions(fabric.container("router0"))]).toEqual(before);
        fabric.configure(model());
        await stack.run("up");
        expect(await fabric.wrong()).toEqual([]);
    });

    it("adds a link and removes it: containers and sessions stay", async () => {
        const before = await fabric.present();
        const up = await sessions(fabric.container("router0"));
        fabric.configure(withSecondLink(model()));
        await stack.run("up");
        expect(await fabric.present()).toEqual({
            ...before,
            [`network ${fabric.network("second")}`]: expect.any(String),
        });
        await run(fabric.container("client0"), ["ping", "-c", "1", "-W", "2", `100.69.${number}.1`]);
        expect(await run(fabric.container("client0"), ["ip", "-o", "addr", "show", "net1"])).toContain(
            `100.69.${number}.2/28`,
        );
        fabric.configure(model());
        await stack.run("up");
        expect(await fabric.present()).toEqual(before);
        expect(await sessions(fabric.container("router0"))).toEqual(up);
        expect(await fabric.wrong()).toEqual([]);
        await stack.run("preview", "--refresh", ...noChanges);
    });

    it("tells of drift, and heals it", async () => {
        const router = fabric.container("router0");
        const link = fabric.network("router0-client0");
        await run(router, ["vtysh", "-c", "configure", "-c", "router bgp 65000", "-c", "bgp router-id 10.9.9.9"]);
        await engine.getNetwork(fabric.network("router0-worker")).disconnect({ Container: worker });
        await engine.getContainer(fabric.container("client0")).remove({ force: true, v: true });
        await engine.getNetwork(link).disconnect({ Container: router });
        await engine.getNetwork(link).remove();
        const told = await stack.run("preview", "--refresh", "--diff");
        expect(told).toContain('bgp router-id 10.9.9.9\\" is configured, too');
        expect(told).toContain(`not connected to ${fabric.network("router0-worker")}`);
        expect(told).toContain(`not connected to ${link}`);
        expect(told).toMatch(/\+ docker:index\/container:Container: \(create\)/);
        expect(told).toMatch(/\+ docker:index\/network:Network: \(create\)/);
        await stack.run("up", "--refresh");
        expect(await fabric.wrong()).toEqual([]);
        await stack.run("preview", "--refresh", ...noChanges);
    });

    it("keeps routes that somebody removes, without another run", async () => {
        await run(fabric.container("client0"), ["ip", "route", "flush", "default"]);
        await run(fabric.sidecar(worker), ["ip", "route", "flush", "10.0.0.0/8"]);
        expect(await fabric.wrong()).toEqual([]);
        await stack.run("preview", "--refresh", ...noChanges);
    });

    it.each(["restart", "stop and start"])("has a node back after docker %s", async (how) => {
        const node = engine.getContainer(worker);
        if (how === "restart") {
            await node.restart({ t: 0 });
        } else {
            await node.stop({ t: 0 });
            await node.start();
        }
        await fabric.startNodes(worker);
        expect(await fabric.wrong()).toEqual([]);
        const [own, shared] = await Promise.all(
            [worker, fabric.sidecar(worker)].map((each) => run(each, ["readlink", "/proc/self/ns/net"])),
        );
        expect(shared).toBe(own);
        await stack.run("preview", "--refresh", ...noChanges);
    });

    it("leaves nothing behind", async () => {
        const volumes = await fabric.volumes();
        expect(volumes.length).toBeGreaterThan(0);
        await stack.run("destroy");
        expect(await fabric.present()).toEqual({});
        const { Volumes } = await engine.listVolumes();
        expect(Volumes.map(({ Name }) => Name).filter((name) => volumes.includes(name))).toEqual([]);
    });
});

describe("an up that fails half-way", { timeout }, () => {
    beforeEach(async ({ skip }) => skip(!(await available)));

    const fabric = new FabricStack(`h${process.pid}-${hex}`);
    const { stack } = fabric;
    const hollow = `bgp-lab.test/hollow-${process.pid}:latest`;

    beforeAll(async () => {
        if (await available) {
            await importEmptyImage(hollow);
            await stack.init();
        }
    });

    afterAll(async () => {
        await fabric.clear();
        if (await available) {
            await engine.getImage(hollow).remove({ force: true });
        }
    });

    /** The engine has the image, so nobody sees before that nothing in it can run. */
    async function failHalfWay(): Promise<void> {
        fabric.configure(model(), { client: hollow });
        const { code, said } = await stack.attempt("up");
        expect(code).not.toBe(0);
        expect(said).toContain("client0");
        expect(await fabric.present()).not.toEqual({});
    }

    it("is resumed by the next, when its cause is gone", async () => {
        await failHalfWay();
        fabric.configure(model());
        await stack.run("up");
        await fabric.startNodes();
        expect(await fabric.wrong()).toEqual([]);
        await stack.run("destroy");
        expect(await fabric.present()).toEqual({});
    });

    it("can be destroyed", async () => {
        await failHalfWay();
        await stack.run("destroy");
        expect(await fabric.present()).toEqual({});
    });
});

describe("what would make a lab fail later is told before anything is made", { timeout }, () => {
    beforeEach(async ({ skip }) => skip(!(await available)));

    const fabric = new FabricStack(`e${process.pid}-${hex}`);
    const { stack } = fabric;

    beforeAll(async () => {
        if (await available) {
            await stack.init();
        }
    });

    afterAll(() => fabric.clear());

    /** What preview and up say, which is the same and said once. */
    async function refusal(env: NodeJS.ProcessEnv = {}): Promise<string> {
        const before = await fabric.present();
        const answers = [await stack.attempt("preview", [], env), await stack.attempt("up", [], env)];
        expect(await fabric.present()).toEqual(before);
        const [preview, up] = answers.map(({ code, said }) => {
            expect(code).not.toBe(0);
            const errors = said.split("\n").filter((line) => /^\s*error: /.test(line) && !/failed$/.test(line));
            expect(errors, said).toHaveLength(1);
            return said;
        });
        expect(up).toContain(
            preview!
                .split("\n")
                .find((line) => line.includes("error: "))!
                .trim(),
        );
        return up!;
    }

    it("an engine that does not run", async () => {
        fabric.configure(model());
        const said = await refusal({ DOCKER_HOST: "unix:///run/bgp-lab-nobody.sock" });
        expect(said).toContain("no Docker engine answers at unix:///run/bgp-lab-nobody.sock");
        expect(said).toContain("systemctl start docker");
    });

    it("a subnet that a network of somebody else has", async () => {
        const other = `bgp-lab-other-${process.pid}`;
        const subnet = `100.68.${number}.8/29`;
        await engine.createNetwork({ Name: other, Driver: "bridge", IPAM: { Config: [{ Subnet: subnet }] } });
        try {
            fabric.configure(model());
            expect(await refusal()).toContain(
                `100.68.${number}.0/28 overlaps ${subnet} of the Docker network ${other}; choose other subnets`,
            );
        } finally {
            await engine.getNetwork(other).remove();
        }
    });

    it("a name that a container of somebody else has", async () => {
        fabric.configure(model());
        const name = fabric.container("client0");
        const other = await engine.createContainer({ name, Image: reference("client") });
        try {
            const said = await refusal();
            expect(said).toContain(`a container ${name} that is not this lab's exists`);
            expect(said).toContain(`docker container rm -f ${name}`);
        } finally {
            await other.remove({ force: true });
        }
    });

    it("an image that the engine neither has nor can pull", async () => {
        const nowhere = "localhost:1/bgp-lab/nowhere:1";
        fabric.configure(model(), { router: nowhere });
        const said = await refusal();
        expect(said).toContain(`the engine neither has the image ${nowhere} nor can pull it`);
        expect(said).toContain("docker load");
    });
});

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { withVty } from "../../provider/daemons/vty";
import { createLab, type Step } from "./lab";
import { expectReset, expectUntouched, expectVerified, neighborsOf, onSandbox, sessionsOf } from "./observe";

const lab = createLab("e2e-changes");
let current: Readonly<Record<string, unknown>> = { workers: 3, replicas: 2 };

const controlPlane = "cilium-bgp-cp-control-plane";
const worker = "cilium-bgp-cp-worker";
const nodes = [controlPlane, worker, `${worker}2`];

/** What a preview says that it would do, one line per resource. */
function summary(steps: readonly Step[]): readonly string[] {
    return steps.map(({ op, name }) => `${op} ${name}`).sort();
}

function updates(...names: readonly string[]): readonly string[] {
    return names.map((name) => `update ${name}`);
}

function pathsOf(steps: readonly Step[], name: string): readonly string[] | undefined {
    return steps.find((step) => step.name === name)?.paths;
}

/** Changes parameters and previews what that means. */
async function preview(change: Readonly<Record<string, unknown>>): Promise<readonly Step[]> {
    current = { ...current, ...change };
    lab.configure({ lab: current });
    return lab.plan();
}

/** Applies what was previewed, and gives the sessions before and after. */
async function apply(): Promise<readonly [Awaited<ReturnType<typeof sessionsOf>>, typeof before]> {
    const before = await sessionsOf(lab);
    await lab.succeed("up");
    await expectVerified(lab);
    return [before, await sessionsOf(lab)];
}

function services(third: number, more: readonly object[] = []): Readonly<Record<string, unknown>> {
    const addresses = (host: number) => [`10.${third}.0.${host}`, `fd00:10:${third}::${host}`];
    return {
        pools: [{ name: "default-pool", blocks: [`10.${third}.0.0/24`, `fd00:10:${third}::/64`] }],
        services: [
            { name: "app-svc-cluster", addresses: addresses(10) },
            { name: "app-svc-local", externalTrafficPolicy: "Local", addresses: addresses(11) },
            ...more,
        ],
    };
}

const extra = { name: "extra", port: 8080, addresses: ["10.253.0.20", "fd00:10:253::20"] };

function reachPod(address: string) {
    return onSandbox(lab, (sandbox) =>
        sandbox.call("http", { namespace: "client0", address, port: 80, timeoutMilliseconds: 1_000 }),
    );
}

/** First pod of the first worker. */
const podAddresses = ["10.100.1.10", "fd00:10:255:1::a"];

describe("a change of a running lab", () => {
    beforeAll(async () => {
        lab.configure({ lab: current });
        await lab.succeed("up");
    });

    afterAll(() => lab.dispose());

    it("adds two workers and leaves the other nodes and their sessions alone", async () => {
        const steps = await preview({ workers: 5 });
        expect(summary(steps)).toEqual(
            [
                ...updates("single-frr", "single-frr-fabric", "router0", "single-frr-verification"),
                `create ${worker}4`,
                `create ${worker}5`,
            ].sort(),
        );
        expect(pathsOf(steps, "single-frr-fabric")).toEqual([
            "bridges.kind.ports[4]",
            "bridges.kind.ports[5]",
            'links["router0-worker4"]',
            'links["router0-worker5"]',
            "namespaces.router0.addresses.net5",
            "namespaces.router0.addresses.net6",
            `namespaces["${worker}4"]`,
            `namespaces["${worker}5"]`,
        ]);
        const [before, after] = await apply();
        expectUntouched(before, after, neighborsOf(1, 2, 3, 4));
        expect(Object.keys(after).sort()).toEqual([...neighborsOf(1, 2, 3, 4, 5, 6)].sort());
    });

    it("removes three of five workers and leaves the others and their sessions alone", async () => {
        const steps = await preview({ workers: 2 });
        expect(summary(steps)).toEqual(
            [
                ...updates("single-frr", "single-frr-fabric", "router0", "single-frr-verification"),
                ...[3, 4, 5].map((number) => `delete ${worker}${number}`),
            ].sort(),
        );
        const [before, after] = await apply();
        expectUntouched(before, after, neighborsOf(1, 2, 3));
        expect(Object.keys(after).sort()).toEqual([...neighborsOf(1, 2, 3)].sort());
    });

    it("moves all load-balancer addresses to another pool without touching router or sessions", async () => {
        const steps = await preview(services(253));
        expect(summary(steps)).toEqual([...updates("single-frr", "single-frr-verification", ...nodes)].sort());
        expect(pathsOf(steps, controlPlane)).toEqual([
            'services["test/app-svc-cluster"].addresses[0]',
            'services["test/app-svc-cluster"].addresses[1]',
            'services["test/app-svc-local"].addresses[0]',
            'services["test/app-svc-local"].addresses[1]',
            "speakers.cilium.config.originated[0]",
            "speakers.cilium.config.originated[1]",
        ]);
        const [before, after] = await apply();
        expectUntouched(before, after, neighborsOf(1, 2, 3));
    });

    it("adds a service without touching router or sessions", async () => {
        const steps = await preview(services(253, [extra]));
        expect(summary(steps)).toEqual([...updates("single-frr", "single-frr-verification", ...nodes)].sort());
        expect(pathsOf(steps, controlPlane)).toEqual([
            'services["test/extra"]',
            "speakers.cilium.config.originated[2]",
            "speakers.cilium.config.originated[3]",
        ]);
        const [before, after] = await apply();
        expectUntouched(before, after, neighborsOf(1, 2, 3));
    });

    it("gives the router other timers without touching nodes or sessions", async () => {
        const steps = await preview({ routerTimers: { holdTime: 12, keepalive: 4, connectRetry: 1 } });
        expect(summary(steps)).toEqual([...updates("router0", "single-frr", "single-frr-verification")].sort());
        const [before, after] = await apply();
        expectUntouched(before, after, neighborsOf(1, 2, 3));
    });

    it("gives the nodes other timers without touching router or sessions", async () => {
        const steps = await preview({ nodeTimers: { holdTime: 60, keepalive: 20, connectRetry: 60 } });
        expect(summary(steps)).toEqual([...updates("single-frr", "single-frr-verification", ...nodes)].sort());
        expect(pathsOf(steps, worker)).toEqual(
            [0, 1].flatMap((neighbor) =>
                ["connectRetry", "holdTime", "keepalive"].map(
                    (timer) => `speakers.cilium.config.neighbors[${neighbor}].${timer}`,
                ),
            ),
        );
        const [before, after] = await apply();
        expectUntouched(before, after, neighborsOf(1, 2, 3));
    });

    it("limits what nodes may announce, and changes the limit, without touching nodes or sessions", async () => {
        for (const maximumPrefixes of [20, 40, 6, undefined]) {
            const steps = await preview({ maximumPrefixes });
            expect(summary(steps)).toEqual([...updates("router0", "single-frr", "single-frr-verification")].sort());
            const [before, after] = await apply();
            expectUntouched(before, after, neighborsOf(1, 2, 3));
        }
    });

    it("opens sessions that were closed because of a limit, also when nothing is left of it to see", async () => {
        await preview({ maximumPrefixes: 6 });
        const [, before] = await apply();
        const typed = (limit: number) => `neighbor K8S-NODES maximum-prefix ${limit}`;
        await onSandbox(lab, (sandbox) =>
            withVty(sandbox, "router0", "bgpd", (bgpd) =>
                bgpd.ask([
                    "configure terminal",
                    "router bgp 65000",
                    "address-family ipv4 unicast",
                    typed(1),
                    typed(6),
                    "end",
                ]),
            ),
        );
        const closed = neighborsOf(1, 2, 3).filter((address) => !address.includes(":"));
        expect(Object.keys(await sessionsOf(lab)).filter((address) => closed.includes(address))).toEqual([]);
        await lab.succeed("up", "--refresh");
        await expectVerified(lab);
        const after = await sessionsOf(lab);
        expectReset(before, after, closed);
        expectUntouched(
            before,
            after,
            neighborsOf(1, 2, 3).filter((address) => address.includes(":")),
        );
        await preview({ maximumPrefixes: undefined });
        await apply();
    });

    it("renumbers the router, which every node is told", async () => {
        const steps = await preview({ routerAsn: 65100 });
        expect(summary(steps)).toEqual(
            [...updates("router0", "single-frr", "single-frr-verification", ...nodes)].sort(),
        );
        expect(pathsOf(steps, worker)).toEqual([
            "speakers.cilium.config.neighbors[0].remoteAsn",
            "speakers.cilium.config.neighbors[1].remoteAsn",
        ]);
        const [before, after] = await apply();
        expectReset(before, after, neighborsOf(1, 2, 3));
    });

    it("renumbers the nodes, which the router takes from their sessions", async () => {
        const steps = await preview({ nodeAsn: 65201 });
        expect(summary(steps)).toEqual([...updates("single-frr", "single-frr-verification", ...nodes)].sort());
        expect(pathsOf(steps, worker)).toEqual(["speakers.cilium.config.asn"]);
        const [before, after] = await apply();
        expectReset(before, after, neighborsOf(1, 2, 3));
    });

    it("announces pod networks and routes natively, so that the client reaches pods by their addresses", async () => {
        for (const address of podAddresses) {
            expect(await reachPod(address)).not.toMatchObject({ kind: "answer" });
        }
        const steps = await preview({ exportPodCidr: true, routingMode: "native" });
        expect(summary(steps)).toEqual(
            [...updates("single-frr", "single-frr-fabric", "single-frr-verification", ...nodes)].sort(),
        );
        expect(pathsOf(steps, "single-frr-fabric")).toEqual(
            nodes
                .flatMap((node) => [
                    `namespaces["${node}"].proxyNeighbors[0]`,
                    `namespaces["${node}"].routes["10.100.0.0/16"]`,
                    `namespaces["${node}"].routes["169.254.0.0/16"]`,
                    `namespaces["${node}"].routes["fd00:10:255::/48"]`,
                    `namespaces["${node}"].routes["fd00:169:254::/48"]`,
                ])
                .sort(),
        );
        const [before, after] = await apply();
        expectUntouched(before, after, neighborsOf(1, 2, 3));
        for (const address of podAddresses) {
            const answer = await reachPod(address);
            expect(answer).toMatchObject({ kind: "answer", status: 200 });
            expect("body" in answer && JSON.parse(answer.body)).toMatchObject({ pod: "app-0", node: worker });
        }
    });

    it("writes the old API for Cilium 1.14, which only lets the speakers offer both families on each session", async () => {
        const steps = await preview({ ciliumVersion: "1.14.1" });
        expect(summary(steps)).toEqual([...updates("single-frr", "single-frr-verification", ...nodes)].sort());
        expect(pathsOf(steps, "single-frr")).toEqual(["model.cluster.cilium.version"]);
        expect(pathsOf(steps, worker)).toEqual([
            "speakers.cilium.config.neighbors[0].families[1]",
            "speakers.cilium.config.neighbors[1].families[0]",
            "speakers.cilium.config.neighbors[1].families[1]",
        ]);
        await apply();
        await lab.succeed("preview", "--refresh", "--expect-no-changes");
    });
});

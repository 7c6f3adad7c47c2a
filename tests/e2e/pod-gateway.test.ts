import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Family } from "../../lab/model";
import { withApi } from "../../provider/daemons/gobgp";
import { withVty } from "../../provider/daemons/vty";
import { netnsDriver } from "../../provider/driver";
import { podNamespace } from "../../provider/sandbox/pods";
import type { Sandbox } from "../../provider/sandbox/protocol";
import type { CheckResult } from "../../verify/check";
import type { Driver } from "../../verify/driver";
import { createLab } from "./lab";
import { expectUntouched, expectVerified, onSandbox, runChecks, sessionsOf, shell } from "./observe";

const pod = "loadbalancer-0";
const [controlPlane, worker, worker2] = ["control-plane", "worker", "worker2"].map((name) => `pod-gateway-${name}`) as [
    string,
    string,
    string,
];

/** What the rogue Pod announces: all that it must not, and something that nobody allowed. */
const hijacks: Readonly<Record<Family, readonly string[]>> = {
    ipv4: [
        "10.244.0.0/24", // another node's pods
        "10.254.0.10/32", // a service
        "10.254.0.77/32", // an address of the pool
        "10.254.0.128/25", // a more specific of the pool
        "10.96.0.0/16", // the services' own range
        "0.0.0.0/0",
        "0.0.0.0/1",
        "198.51.100.0/24", // what nobody allowed
    ],
    ipv6: [
        "fd00:10:244::/64",
        "fd00:10:254::10/128",
        "fd00:10:254::77/128",
        "fd00:10:254::8000/113",
        "fd00:10:96::/108",
        "::/0",
        "::/1",
        "2001:db8::/48",
    ],
};

/** Services that the node of the rogue Pod announces itself: its own route is the better one, and goes on to the router. */
const ownServices = ["10.254.0.10/32", "fd00:10:254::10/128"];

/** Sessions of the router with the nodes, which nothing that happens to Pods may touch. */
const nodeSessions = ["10.0.0.2", "10.0.1.2", "10.0.2.2", "fd00:10::2", "fd00:10:0:1::2", "fd00:10:0:2::2"];

interface Step {
    readonly event: string;
    readonly firstAnswer?: number;
    readonly isAnswerExpected: boolean;
    readonly requests: number;
    readonly unanswered: number;
    readonly leftBehind: readonly string[];
    readonly failed: readonly unknown[];
    readonly controller: readonly string[];
}

interface Drill {
    readonly steps: readonly Step[];
    readonly failed: readonly unknown[];
}

interface BgpTable {
    readonly routes: Readonly<
        Record<string, readonly { readonly path: string; readonly nexthops: readonly { readonly ip: string }[] }[]>
    >;
}

const lab = createLab("e2e-pod-gateway");
const configure = (parameters: object) => lab.configure({ topology: "pod-gateway", lab: parameters });
const theLab = { hijacks: Object.values(hijacks).flat() };

beforeAll(async () => {
    configure(theLab);
    await lab.succeed("up");
});

afterAll(() => lab.dispose());

function look<T>(at: (driver: Driver, sandbox: Sandbox) => Promise<T>): Promise<T> {
    return onSandbox(lab, async (sandbox) => {
        const driver = netnsDriver(sandbox);
        try {
            return await at(driver, sandbox);
        } finally {
            driver.close();
        }
    });
}

/** Next hop and AS path of the best paths of a router, by prefix; the load balancers' addresses left out. */
async function routerTable(namespace: string): Promise<Readonly<Record<string, string>>> {
    const { routes } = (await onSandbox(lab, (sandbox) =>
        withVty(sandbox, namespace, "bgpd", (bgpd) => bgpd.json("show bgp ipv4 unicast json")),
    )) as BgpTable;
    return withoutServices(
        Object.entries(routes).map(([prefix, [best]]) => [prefix, `${best?.nexthops[0]?.ip} ${best?.path}`.trim()]),
    );
}

/** The same of a node's speaker. */
async function speakerTable(node: string): Promise<Readonly<Record<string, string>>> {
    const paths = await look((driver) => driver.speakerRoutes(node, "ipv4"));
    return withoutServices(
        paths.map(({ prefix, nextHop, asPath }) => [prefix, [nextHop, ...asPath].join(" ")] as const),
    );
}

function withoutServices(
    routes: readonly (readonly [prefix: string, path: string])[],
): Readonly<Record<string, string>> {
    return Object.fromEntries(routes.filter(([prefix]) => !prefix.startsWith("10.254.")));
}

describe("a Pod that forwards", () => {
    it("has its routes in the article's tables: of the node, the router and the Pod", async () => {
        expect(await speakerTable(worker2)).toEqual({
            "10.244.0.0/24": "10.0.2.1 65000 65010",
            "10.244.1.0/24": "10.0.2.1 65000 65011",
            "10.244.2.0/24": "0.0.0.0",
            "10.244.2.216/32": "10.244.2.216 65100",
            "192.168.0.1/32": "10.244.2.216 65100",
        });
        expect(await routerTable("router0")).toEqual({
            "10.244.0.0/24": "10.0.0.2 65010",
            "10.244.1.0/24": "10.0.1.2 65011",
            "10.244.2.0/24": "10.0.2.2 65012",
            "10.244.2.216/32": "10.0.2.2 65012 65100",
            "192.168.0.1/32": "10.0.2.2 65012 65100",
        });
        expect(await routerTable(podNamespace(pod))).toEqual({
            "10.244.0.0/24": "10.244.2.69 65012 65000 65010",
            "10.244.1.0/24": "10.244.2.69 65012 65000 65011",
            "10.244.2.0/24": "10.244.2.69 65012",
            "10.244.2.216/32": "0.0.0.0",
            "192.168.0.1/32": "0.0.0.0",
        });
    });

    it("is routed to by the kernel of its node, and of no other node", async () => {
        const routes = await Promise.all(
            [controlPlane, worker, worker2].map((node) => shell(lab, node, "ip route show proto bgp")),
        );
        expect(routes.map((text) => text.split(" dev ")[0]?.trim())).toEqual(["", "", "192.168.0.1 via 10.244.2.216"]);
    });

    it("has connections on both their ways: from the client to a pod, and from the pod back to it", async () => {
        const passages = (await runChecks(lab)).filter(({ check }) => check.kind === "passage");
        expect(passages.map(({ status }) => status)).toEqual(["pass", "pass"]);
        expect(passages[0]?.observed).toMatch(
            /^loadbalancer-0 takes 172\.16\.0\.2 to 10\.244\.\d\.10, which answers 10\.244\.2\.216$/,
        );
    });
});

describe("hijack attempts of a Pod", () => {
    const rogue = { ipv4: "10.244.1.200", ipv6: "fd00:10:244:1::c8" };
    const families: readonly Family[] = ["ipv4", "ipv6"];
    /** Checks that somebody is answered, or that a router has the right routes. */
    const isOfVictims = ({ check }: CheckResult) =>
        check.kind === "service" || check.kind === "pod" || (check.kind === "route" && check.device === "router0");

    it("are refused by its node, every one, as make verify shows", async () => {
        const { code, stdout } = await lab.command("verify", "--json");
        expect(code).toBe(0);
        const { results } = JSON.parse(stdout) as { readonly results: readonly CheckResult[] };
        for (const family of families) {
            const refusal = results.find(({ subject }) => subject === `${worker} refuses ${rogue[family]} ${family}`);
            expect(refusal?.status).toBe("pass");
            expect(refusal?.observed.split(", ").sort()).toEqual([...hijacks[family]].sort());
        }
    });

    it("are refused by the router again when the node's policy is gone, and their victims are reached all the time", async () => {
        await onSandbox(lab, (sandbox) =>
            withApi(sandbox, worker, async (api) => {
                const assignment = { name: "global", direction: 1, policies: [], defaultAction: 1 };
                await api.call("SetPolicyAssignment", { assignment });
                await api.call("ResetPeer", { address: "all", soft: true, direction: 0 });
            }),
        );
        const links = { ipv4: "10.0.1.2", ipv6: "fd00:10:0:1::2" };
        for (const family of families) {
            const passedOn = hijacks[family].filter((prefix) => !ownServices.includes(prefix)).sort();
            await expect
                .poll(
                    () => look(async (driver) => [...(await driver.refused("router0", links[family], family))].sort()),
                    {
                        timeout: 20_000,
                        interval: 50,
                    },
                )
                .toEqual(passedOn);
        }
        const victims = (await runChecks(lab, 0)).filter(isOfVictims);
        expect(victims.length).toBeGreaterThan(20);
        expect(victims.filter(({ status }) => status === "fail").map(({ subject }) => subject)).toEqual([]);
        expect(await shell(lab, worker, "ip route show proto bgp; ip -6 route show proto bgp")).toBe("");
    });

    it("are refused by the node again once the lab has been repaired", async () => {
        await lab.succeed("up", "--refresh");
        await expectVerified(lab);
        await lab.succeed("up", "--refresh", "--expect-no-changes");
    });
});

describe("sessions follow Pods without anybody's hand, and nothing is left behind, when", () => {
    async function drill(fault: string): Promise<Drill> {
        const before = await sessionsOf(lab);
        const { code, stdout, stderr } = await lab.command("drill", "--fault", fault, "--json");
        expect(code, stdout + stderr).toBe(0);
        const report = JSON.parse(stdout) as Drill;
        expect([
            ...report.steps.flatMap(({ failed, leftBehind }) => [...failed, ...leftBehind]),
            ...report.failed,
        ]).toEqual([]);
        expectUntouched(before, await sessionsOf(lab), nodeSessions);
        return report;
    }

    /** What the controller did about neighbors, without times and reasons. */
    const neighborsDone = ({ controller }: Step) =>
        controller.flatMap((line) => /: ((?:added|removed) the neighbor \S+)/.exec(line)?.[1] ?? []).sort();

    it.each([
        ["a Pod is restarted with a new address", `pod:${pod}:restarted`, "10.244.2.217"],
        ["a Pod moves to another node", `pod:${pod}:moved:${worker}`, "10.244.1.216"],
        ["the controller is killed meanwhile", `controller:killed+pod:${pod}:restarted`, "10.244.2.217"],
        ["the controller is frozen meanwhile", `controller:frozen+pod:${pod}:moved:${worker}`, "10.244.1.216"],
        ["the API of Pods is away", `api:unavailable+pod:${pod}:restarted`, "10.244.2.217"],
    ])("%s", async (_what, fault, address) => {
        const { steps } = await drill(fault);
        expect(steps.map(({ firstAnswer }) => firstAnswer)).toEqual([expect.any(Number)]);
        // Once each: it converges, and does nothing twice.
        expect(neighborsDone(steps[0]!).filter((line) => !line.includes("fd00:"))).toEqual([
            `added the neighbor ${address}`,
            "removed the neighbor 10.244.2.216",
        ]);
    });

    it("Pods are scaled to none, two and one again", async () => {
        const { steps } = await drill("workload:loadbalancer:scaled:0,2,1");
        expect(steps.map(({ isAnswerExpected }) => isAnswerExpected)).toEqual([false, true, true]);
        expect(steps[0]).not.toHaveProperty("firstAnswer");
        expect(steps.map((step) => neighborsDone(step).length)).toEqual([2, 4, 2]);
    });

    it("a Pod loses the label that it is selected by", async () => {
        const { steps } = await drill(`pod:${pod}:relabelled`);
        expect(neighborsDone(steps[0]!)).toEqual([
            "removed the neighbor 10.244.2.216",
            "removed the neighbor fd00:10:244:2::d8",
        ]);
    });

    it("the controller is killed and finds that there is nothing to do", async () => {
        const { steps } = await drill("controller:killed");
        expect(steps.map(neighborsDone)).toEqual([[]]);
        expect(steps[0]?.controller.join("\n")).toContain("started for 3 targets");
    });

    it("the speaker of its node is killed, and with it the API of its neighbors", async () => {
        const { code, stdout } = await lab.command("drill", "--fault", `daemon:${worker2}:killed`, "--json");
        expect(code, stdout).toBe(0);
    });

    it("an event is not known: the events there are, and nothing happens", async () => {
        const { code, stderr } = await lab.command("drill", "--fault", `pod:${pod}:vanished`);
        expect(code).not.toBe(0);
        expect(stderr).toContain(`pod:${pod}:moved:${controlPlane}`);
    });

    it("all is over: the lab is as before", async () => {
        await expectVerified(lab);
        await lab.succeed("up", "--refresh", "--expect-no-changes");
    });
});

describe("the running lab is changed, and as predicted, with", () => {
    it.each([
        [
            "two forwarding Pods on two nodes, of which the router uses both",
            { gateways: [2, 1] },
            ["10.0.1.2", "10.0.2.2"],
        ],
        ["two forwarding Pods on one node", { gateways: [2, 2] }, ["10.0.2.2"]],
        ["a selector that matches nothing", { podSelector: { matchLabels: { app: "nobody" } } }, []],
        ["Pods that peer with the router", { ...theLab, peering: "router" }, ["10.0.2.2"]],
        ["two such Pods", { peering: "router", gateways: [2, 1] }, ["10.0.1.2", "10.0.2.2"]],
        ["an old Cilium's resources", { versions: "article" }, ["10.0.2.2"]],
    ])("%s", async (_what, parameters, gateways) => {
        configure(parameters);
        await lab.succeed("up");
        await expectVerified(lab);
        const routes = await look((driver) => driver.kernelBgpRoutes("router0", "ipv4"));
        const virtual = routes.find(({ prefix }) => prefix === "192.168.0.1/32")?.nextHops ?? [];
        expect([...virtual].sort()).toEqual(gateways);
    });

    it("and an unpatched speaker in place of GoBGP is one clear error", async () => {
        lab.configure({ topology: "pod-gateway", embedded: { speaker: "bird" }, lab: {} });
        const { code, stdout, stderr } = await lab.run("preview");
        expect(code).not.toBe(0);
        expect(stdout + stderr).toMatch(/embedded\.speaker/);
    });
});

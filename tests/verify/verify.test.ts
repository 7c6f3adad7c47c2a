import { describe, expect, it } from "vitest";
import type { Check, PassageAnswers, RouteCheck } from "../../verify/check";
import type { Answer, Driver, ObservedConnection } from "../../verify/driver";
import { exitCode, failures, json, junit, table } from "../../verify/report";
import { verify } from "../../verify/run";
import { expectGolden } from "../golden";

const answer = (pod: string, client: string): Answer => ({
    kind: "answer",
    status: 200,
    body: JSON.stringify({ pod, node: "n", client }),
});

/** A connection of the client to the service's address, which the pod behind it answered. */
function connection(clientPort: number): ObservedConnection {
    return {
        client: "192.168.0.2",
        clientPort,
        address: "10.254.0.10",
        port: 80,
        answering: "10.244.1.5",
        answeredTo: "10.244.1.9",
        isAssured: true,
    };
}

/** A lab in which everything is as the checks below expect. */
function healthy(): Driver {
    let turn = 0;
    let port = 40_000;
    return {
        objects: async () => [],
        sessions: async () => [
            { neighbor: "169.254.1.2", remoteAsn: 65001, state: "Established", families: ["ipv4"], uptime: 3 },
            { neighbor: "169.254.2.2", remoteAsn: 65002, state: "Idle (PfxCt)", families: [], uptime: 0 },
            { neighbor: "169.254.3.2", remoteAsn: 65003, state: "Active", families: [], uptime: 0 },
        ],
        bgpRoutes: async () => [{ prefix: "10.254.0.10/32", nextHops: ["169.254.2.2", "169.254.1.2"] }],
        kernelBgpRoutes: async () => [{ prefix: "10.254.0.10/32", nextHops: ["169.254.1.2", "169.254.2.2"] }],
        offered: async () => ["10.254.0.10/32"],
        speakerRoutes: async () => [
            { prefix: "10.244.1.0/24", nextHop: "0.0.0.0", asPath: [] },
            { prefix: "10.254.0.10/32", nextHop: "10.244.1.9", asPath: [65100] },
        ],
        refused: async () => ["0.0.0.0/0", "10.244.2.0/24"],
        tracked: async () => [connection(++port)],
        http: async (_from, _address, _port, count) =>
            Array.from({ length: count }, () => answer(turn++ % 2 === 0 ? "app-0" : "app-1", "192.168.0.2")),
        ping: async () => ({ kind: "timeout", detail: "" }),
        connect: async () => ({ kind: "timeout", detail: "" }),
    };
}

const session: Check = {
    kind: "session",
    device: "router0",
    neighbor: "169.254.1.2",
    remoteAsn: 65001,
    families: ["ipv4"],
};
const closed: Check = { kind: "down-session", device: "router0", neighbor: "169.254.2.2", closed: true };
const silent: Check = { kind: "down-session", device: "router0", neighbor: "169.254.3.2", closed: false };
const networks: Check = {
    kind: "table",
    device: "router0",
    family: "ipv4",
    prefixes: ["10.254.0.10/32"],
    learned: ["10.254.0.10/32"],
};
const route: RouteCheck = {
    kind: "route",
    device: "router0",
    prefix: "10.254.0.10/32",
    nextHops: ["169.254.1.2", "169.254.2.2"],
};
const offer: Check = {
    kind: "offer",
    device: "router0",
    neighbor: "169.254.1.2",
    family: "ipv4",
    prefixes: ["10.254.0.10/32"],
    within: ["10.0.0.0/8"],
};
const forwarding: Check = {
    kind: "forwarding",
    device: "node1",
    family: "ipv4",
    routes: { "10.254.0.10/32": ["169.254.1.2", "169.254.2.2"] },
};
const service: Check = {
    kind: "service",
    from: "client0",
    address: "10.254.0.10",
    port: 80,
    pods: ["app-0", "app-1"],
    clientAddress: "seen",
    clientAddresses: ["192.168.0.2"],
};
const ping: Check = { kind: "silence", from: "client0", address: "10.254.0.10", probe: { kind: "ping" } };
const port: Check = { kind: "silence", from: "client0", address: "fd00:10:254::10", probe: { kind: "tcp", port: 81 } };
const neighbors: Check = {
    kind: "neighbors",
    device: "node1",
    neighbors: ["169.254.1.2", "169.254.2.2", "169.254.3.2"],
};
const speaker: Check = {
    kind: "speaker-table",
    device: "node1",
    family: "ipv4",
    routes: {
        "10.254.0.10/32": { nextHop: "10.244.1.9", asPath: [65100] },
        "10.244.1.0/24": { nextHop: "0.0.0.0", asPath: [] },
    },
};
const refusal: Check = {
    kind: "refusal",
    device: "node1",
    neighbor: "10.244.1.9",
    family: "ipv4",
    prefixes: ["10.244.2.0/24", "0.0.0.0/0"],
};
const passage: PassageAnswers = {
    kind: "passage",
    from: "client0",
    address: "10.254.0.10",
    port: 80,
    through: ["loadbalancer-0", "loadbalancer-1"],
    clientAddresses: ["192.168.0.2"],
};
const checks = [
    session,
    closed,
    silent,
    neighbors,
    networks,
    speaker,
    route,
    offer,
    refusal,
    forwarding,
    service,
    passage,
    ping,
    port,
];

const once = { deadlineSeconds: 0 };

async function observedOf(check: Check, driver: Partial<Driver>): Promise<string> {
    const [result] = await verify([check], { ...healthy(), ...driver }, once);
    expect(result?.status).toBe("fail");
    return result?.observed ?? "";
}

describe("verify", () => {
    it("passes every kind of check against a lab that is as expected, in the order of the checks", async () => {
        const results = await verify(checks, healthy(), once);
        expect(results.map(({ check, status }) => [check, status])).toEqual(checks.map((check) => [check, "pass"]));
        expect(exitCode(results)).toBe(0);
    });

    it("waits for a lab that converges before the deadline", async () => {
        let looks = 0;
        const driver = {
            ...healthy(),
            sessions: async () => (++looks < 3 ? [] : await healthy().sessions("router0")),
        };
        const [result] = await verify([session], driver, { deadlineSeconds: 10 });
        expect([result?.status, looks]).toEqual(["pass", 3]);
    });

    it("asks a router once per look, however many checks speak of it", async () => {
        let asked = 0;
        const bgpRoutes = async () => {
            asked++;
            return healthy().bgpRoutes("router0", "ipv4");
        };
        const driver = { ...healthy(), bgpRoutes };
        await verify([route, route, route], driver, once);
        expect(asked).toBe(1);
    });

    it("fails a session that must stay down and comes up, or is down for another reason than its limit", async () => {
        const [up, idle, active] = await healthy().sessions("router0");
        const seen = (...sessions: readonly (typeof up)[]) => ({
            sessions: async () => sessions.flatMap((each) => each ?? []),
        });
        expect(await observedOf(silent, seen({ ...up!, neighbor: "169.254.3.2" }))).toBe("Established");
        expect(await observedOf(closed, seen({ ...active!, neighbor: "169.254.2.2" }))).toBe("Active");
        expect(await observedOf(closed, seen(up, active))).toBe("no such neighbor");
        expect(
            (await verify([silent], { ...healthy(), ...seen({ ...idle!, neighbor: "169.254.3.2" }) }, once))[0]?.status,
        ).toBe("pass");
    });

    it("looks at a session that must stay down only when all others are as expected: before, none is up", async () => {
        const [up, idle, active] = await healthy().sessions("router0");
        const states = [active, active, up].map((each) => ({ ...each!, neighbor: "169.254.3.2" }));
        let looks = 0;
        const sessions = async () => [
            looks < 2 ? { ...active!, neighbor: "169.254.1.2" } : up!,
            idle!,
            states[looks++] ?? states[2]!,
        ];
        const results = await verify([silent, session], { ...healthy(), sessions }, { deadlineSeconds: 0.2 });
        expect(results.map(({ status, observed }) => [status, observed])).toEqual([
            ["fail", "Established"],
            ["pass", "Established, AS 65001, ipv4"],
        ]);
    });

    it("fails a session that is down, has another AS or lacks a family", async () => {
        const [up] = await healthy().sessions("router0");
        const seen = (change: object) => ({ sessions: async () => [{ ...up, ...change } as NonNullable<typeof up>] });
        expect(await observedOf(session, seen({ state: "Active" }))).toBe("Active, AS 65001, ipv4");
        expect(await observedOf(session, seen({ remoteAsn: 65009 }))).toBe("Established, AS 65009, ipv4");
        expect(await observedOf(session, seen({ families: [] }))).toBe("Established, AS 65001, none");
        expect(await observedOf(session, { sessions: async () => [] })).toBe("no such neighbor");
    });

    it("fails a route whose next hops differ, and says so when only the kernel's do", async () => {
        const one = [{ prefix: "10.254.0.10/32", nextHops: ["169.254.1.2"] }];
        expect(await observedOf(route, { bgpRoutes: async () => one, kernelBgpRoutes: async () => one })).toBe(
            "169.254.1.2",
        );
        expect(await observedOf(route, { kernelBgpRoutes: async () => one })).toBe(
            "RIB 169.254.1.2, 169.254.2.2; FIB 169.254.1.2",
        );
    });

    it("fails a node's kernel that lacks a route, has another one, or one with other gateways", async () => {
        const block = "192.168.0.0/26";
        const kernel = (...routes: readonly string[]) => ({
            kernelBgpRoutes: async () => routes.map((prefix) => ({ prefix, nextHops: ["169.254.1.2"] })),
        });
        const node: Check = { ...forwarding, routes: { [block]: ["169.254.1.2"] } };
        expect((await verify([node], { ...healthy(), ...kernel(block) }, once))[0]?.status).toBe("pass");
        expect(await observedOf(node, kernel())).toBe("FIB lacks 192.168.0.0/26 via 169.254.1.2");
        expect(await observedOf(node, kernel(block, "192.168.0.64/26"))).toBe(
            "FIB has also 192.168.0.64/26 via 169.254.1.2",
        );
        expect(await observedOf(forwarding, kernel("10.254.0.10/32"))).toBe(
            "FIB has also 10.254.0.10/32 via 169.254.1.2; FIB lacks 10.254.0.10/32 via 169.254.1.2 and 169.254.2.2",
        );
    });

    it("holds the kernel's gateways against those that lead to next hops which are not on-link", async () => {
        const recursive: Check = { ...route, nextHops: ["10.0.0.1", "10.0.0.2"], gateways: ["k8s-metallb"] };
        const rib = { bgpRoutes: async () => [{ prefix: route.prefix, nextHops: ["10.0.0.2", "10.0.0.1"] }] };
        const via = (...nextHops: string[]) => ({
            ...rib,
            kernelBgpRoutes: async () => [{ prefix: route.prefix, nextHops }],
        });
        const [result] = await verify([recursive], { ...healthy(), ...via("k8s-metallb") }, once);
        expect(result).toMatchObject({ status: "pass", expected: "RIB 10.0.0.1, 10.0.0.2; FIB k8s-metallb" });
        expect(await observedOf(recursive, via("10.0.0.1", "10.0.0.2"))).toBe("10.0.0.1, 10.0.0.2");
    });

    it("asks each VRF of a router for itself", async () => {
        const asked: string[] = [];
        const bgpRoutes: Driver["bgpRoutes"] = async (device, family, vrf) => {
            asked.push(`${device} ${vrf} ${family}`);
            return healthy().bgpRoutes(device, family);
        };
        const inVrfs = ["blue", "red"].map((vrf): Check => ({ ...route, vrf }));
        const results = await verify([route, ...inVrfs], { ...healthy(), bgpRoutes }, once);
        expect(asked).toEqual(["router0 undefined ipv4", "router0 blue ipv4", "router0 red ipv4"]);
        expect(results.map(({ subject }) => subject)).toEqual([
            "router0 route 10.254.0.10/32",
            "router0 blue route 10.254.0.10/32",
            "router0 red route 10.254.0.10/32",
        ]);
    });

    it("fails a table with a network that nobody predicted, or without one that was", async () => {
        const [known] = await healthy().bgpRoutes("router0", "ipv4");
        const stray = [known as NonNullable<typeof known>, { prefix: "10.9.0.0/16", nextHops: ["169.254.1.2"] }];
        expect(await observedOf(networks, { bgpRoutes: async () => stray })).toBe("RIB has also 10.9.0.0/16");
        expect(await observedOf(networks, { kernelBgpRoutes: async () => stray })).toBe("FIB has also 10.9.0.0/16");
        expect(await observedOf(networks, { kernelBgpRoutes: async () => [] })).toBe("FIB lacks 10.254.0.10/32");
    });

    it("fails a speaker that has a neighbor which is not there any more, or lacks one", async () => {
        const [up, idle, active] = await healthy().sessions("router0");
        const stale = { ...active!, neighbor: "10.244.1.9" };
        expect(await observedOf(neighbors, { sessions: async () => [up!, idle!, active!, stale] })).toBe(
            "node1 has also 10.244.1.9",
        );
        expect(await observedOf(neighbors, { sessions: async () => [up!, active!] })).toBe("node1 lacks 169.254.2.2");
    });

    it("fails a speaker's table whose best path has another next hop or AS path, or that nobody predicted", async () => {
        const [own, learned] = await healthy().speakerRoutes("node1", "ipv4");
        const seen = (...paths: readonly (typeof own)[]) => ({
            speakerRoutes: async () => paths.flatMap((each) => each ?? []),
        });
        expect(await observedOf(speaker, seen(own, { ...learned!, asPath: [65000, 65100] }))).toBe(
            "RIB has also 10.254.0.10/32 via 10.244.1.9 65000 65100; RIB lacks 10.254.0.10/32 via 10.244.1.9 65100",
        );
        expect(await observedOf(speaker, seen(own, learned, { ...learned!, prefix: "0.0.0.0/0" }))).toBe(
            "RIB has also 0.0.0.0/0 via 10.244.1.9 65100",
        );
    });

    it("fails when something is refused that was not predicted, or not refused that was", async () => {
        expect(await observedOf(refusal, { refused: async () => ["0.0.0.0/0"] })).toBe("0.0.0.0/0");
        expect(await observedOf({ ...refusal, prefixes: [] }, {})).toBe("0.0.0.0/0, 10.244.2.0/24");
    });

    it("shows both ways of a connection that passed a Pod", async () => {
        const [result] = await verify([{ ...passage, through: ["loadbalancer-0"] }], healthy(), once);
        expect(result?.observed).toBe("loadbalancer-0 takes 192.168.0.2 to 10.244.1.5, which answers 10.244.1.9");
    });

    it("fails a passage of which a Pod has seen nothing new, one direction only, or other clients and addresses", async () => {
        const missing = "no connection passed loadbalancer-0, loadbalancer-1 in both directions";
        const old = connection(40_000);
        expect(await observedOf(passage, { tracked: async () => [old] })).toBe(missing);
        for (const change of [
            { isAssured: false },
            { client: "192.168.0.9" },
            { address: "10.254.0.11" },
            { port: 81 },
        ]) {
            let port = 40_000;
            const tracked = async () => [{ ...connection(++port), ...change }];
            expect(await observedOf(passage, { tracked })).toBe(missing);
        }
        let port = 40_000;
        const one = async (pod: string) => (pod === "loadbalancer-1" ? [connection(++port)] : []);
        expect(await observedOf(passage, { tracked: one })).toBe(
            "no connection passed loadbalancer-0 in both directions",
        );
    });

    it("fails a passage to which nobody answers", async () => {
        const http: Driver["http"] = async () => [{ kind: "timeout", detail: "" }];
        expect(await observedOf(passage, { http })).toBe("timeout");
    });

    it("fails a route that must not be there", async () => {
        expect(await observedOf({ ...route, nextHops: [] }, {})).toBe("169.254.1.2, 169.254.2.2");
    });

    it.each([[["10.254.0.10/32", "10.98.0.0/24"]], [["10.254.0.10/32"]]])(
        "leaves open whether a neighbor gets back what it sent itself: %s",
        async (prefixes) => {
            const own: Check = { ...offer, prefixes: ["10.254.0.10/32"], returned: ["10.98.0.0/24"] };
            const [result] = await verify([own], { ...healthy(), offered: async () => prefixes }, once);
            expect(result?.status).toBe("pass");
            expect(await observedOf(own, { offered: async () => ["10.98.0.0/24"] })).toBe("10.98.0.0/24");
        },
    );

    it("fails an offer outside the filter even where it was expected", async () => {
        const leak: Check = { ...offer, prefixes: ["192.168.0.0/24"] };
        expect(await observedOf(leak, { offered: async () => ["192.168.0.0/24"] })).toBe(
            "192.168.0.0/24; outside the filter: 192.168.0.0/24",
        );
    });

    it("fails a service when a pod never answers, a stranger answers, or the source is not as it should be", async () => {
        const always = (pod: string, client: string) => ({ http: async () => [answer(pod, client)] });
        expect(await observedOf(service, always("app-0", "192.168.0.2"))).toBe("no answer from app-1");
        expect(await observedOf(service, always("web-7", "192.168.0.2"))).toBe(
            "answered by web-7, which is not behind this address",
        );
        expect(await observedOf(service, always("app-0", "169.254.1.2"))).toBe(
            "app-0 sees another address 169.254.1.2",
        );
        expect(await observedOf({ ...service, clientAddress: "hidden" }, {})).toBe(
            "app-0 sees the client's address 192.168.0.2",
        );
    });

    it("takes anything but silence as an answer, above all a router's TTL exceeded", async () => {
        const ttl: Answer = { kind: "ttl-exceeded", detail: "from 192.168.0.1" };
        expect(await observedOf(ping, { ping: async () => ttl })).toBe("ttl-exceeded (from 192.168.0.1)");
        expect(await observedOf(port, { connect: async () => ({ kind: "refused", detail: "" }) })).toBe("refused");
        expect(await observedOf(ping, { ping: async () => ({ kind: "unreachable", detail: "" }) })).toBe("unreachable");
    });

    it("reports a driver that fails as a failed check, not as a crash", async () => {
        const broken = { sessions: async () => Promise.reject(new Error("bgpd of router0 is not running")) };
        expect(await observedOf(session, broken)).toBe("bgpd of router0 is not running");
    });
});

describe("report", () => {
    const fixed = { subject: "router0 session 169.254.1.2", expected: "Established", milliseconds: 120 };
    const passed = { ...fixed, check: session, observed: "Established", status: "pass" } as const;
    const failed = { ...fixed, check: route, subject: 'a <b> & "c"', observed: "Idle", status: "fail" } as const;

    it("has exit codes 0, 1 and 2 for pass, fail and nothing to check", () => {
        expect([exitCode([passed]), exitCode([passed, failed]), exitCode([])]).toEqual([0, 1, 2]);
    });

    it("prints a table, JSON and JUnit with expected and observed values", () => {
        expectGolden("tests/verify/golden/table.txt", `${table([passed, failed])}\n`);
        expectGolden("tests/verify/golden/junit.xml", junit([passed, failed]));
        expect(JSON.parse(json([passed, failed]))).toMatchObject({ total: 2, failed: 1, results: [passed, failed] });
        expect(failures([passed])).toBe("");
    });
});

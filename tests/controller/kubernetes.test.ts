import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fieldManager } from "../../controller/cilium-peers";
import { ciliumTarget, podsOf } from "../../controller/kubernetes";
import { type LogLine, runController } from "../../controller/loop";
import { wallClock } from "../../controller/retry";
import { type PodPeers, podNeighborsAnnotation } from "../../render/pod-neighbors";
import { type PodText, StandInApi } from "./stand-in-api";

const router = {
    name: "peer-10-0-2-1",
    peerAddress: "10.0.2.1",
    peerASN: 65000,
    peerConfigRef: { name: "ipv4" },
} as const;

const asked: PodPeers = {
    transit: false,
    peers: [
        {
            name: "loadbalancers",
            namespace: "default",
            podSelector: { matchLabels: { app: "loadbalancer" } },
            families: ["ipv4", "ipv6"],
            peerConfigRef: { name: "pods" },
            importPolicy: { administrator: [], ownAddress: false, others: [] },
        },
    ],
};

function gateway(name: string, uid: string, ip: string, more: Partial<PodText> = {}): PodText {
    return { name, uid, node: "n2", labels: { app: "loadbalancer" }, ips: [ip, `fd00::${ip.split(".")[3]}`], ...more };
}

let api: StandInApi;
let ending: AbortController;
let running: Promise<void>;
let lines: LogLine[];

beforeEach(async () => {
    api = new StandInApi(fieldManager);
    await api.start();
    api.setConfig("worker2", {
        annotations: { [podNeighborsAnnotation]: JSON.stringify(asked) },
        spec: { bgpInstances: [{ name: "worker2", localASN: 65012, peers: [router] }] },
    });
    ending = new AbortController();
    lines = [];
});

afterEach(async () => {
    ending.abort();
    await running;
    await api.stop();
});

function start(): void {
    const config = api.kubeConfig();
    const patience = { answer: 2_000, watch: 30 };
    running = runController(
        podsOf(config, ["default"], patience),
        [ciliumTarget(config, "worker2", ["n2"], patience)],
        {
            clock: wallClock,
            log: (line) => lines.push(line),
            configuration: "test",
            settle: 5,
            resync: 100,
            backoff: { first: 5, most: 50 },
        },
        ending.signal,
    );
}

function addresses(): readonly string[] {
    return api.peers("worker2").map(({ peerAddress }) => peerAddress);
}

const eventually = { timeout: 10_000, interval: 10 };

describe("the peering controller over the API of a cluster", () => {
    it("writes a peer per family for each pod by server-side apply, under its own name, and only into that object", async () => {
        api.setPods([gateway("lb.0", "1", "10.244.2.9")]);
        start();
        await expect.poll(addresses, eventually).toEqual(["10.0.2.1", "10.244.2.9", "fd00::9"]);
        const [apply] = api.applies;
        expect(apply).toMatchObject({
            contentType: "application/apply-patch+yaml",
            query: { fieldManager, force: "true" },
            body: { metadata: { name: "worker2", uid: "uid of worker2" } },
        });
        expect(apply?.body.spec).toEqual({
            bgpInstances: [
                {
                    name: "worker2",
                    peers: ["10.244.2.9", "fd00::9"].map((peerAddress, index) => ({
                        name: `loadbalancers.default.lb.0.${index === 0 ? "ipv4" : "ipv6"}`,
                        peerAddress,
                        peerASN: 0,
                        peerConfigRef: { name: "pods" },
                    })),
                },
            ],
        });
    });

    it("follows pods that come, get another address, lose their label, end and go, with one write for each", async () => {
        start();
        const steps: readonly (readonly [pods: readonly PodText[], expected: readonly string[]])[] = [
            [[gateway("a", "1", "10.244.2.9")], ["10.244.2.9", "fd00::9"]],
            [[gateway("a", "2", "10.244.2.10")], ["10.244.2.10", "fd00::10"]],
            [
                [gateway("a", "2", "10.244.2.10"), gateway("b", "3", "10.244.2.11")],
                ["10.244.2.10", "fd00::10", "10.244.2.11", "fd00::11"],
            ],
            [
                [gateway("a", "2", "10.244.2.10", { deleted: true }), gateway("b", "3", "10.244.2.11")],
                ["10.244.2.11", "fd00::11"],
            ],
            [[gateway("b", "3", "10.244.2.11", { labels: { app: "other" } })], []],
        ];
        for (const [index, [pods, expected]] of steps.entries()) {
            api.setPods(pods);
            await expect.poll(addresses, eventually).toEqual(["10.0.2.1", ...expected]);
            expect(api.applies).toHaveLength(index + 1);
        }
    });

    it("leaves out pods of other nodes, without an address, that have ended, on their node's addresses or with garbage", async () => {
        api.setPods([
            gateway("elsewhere", "1", "10.244.1.9", { node: "n1" }),
            gateway("unplaced", "2", "10.244.2.2", { node: undefined }),
            gateway("ended", "3", "10.244.2.3", { phase: "Succeeded" }),
            gateway("host", "4", "10.0.2.2", { hostNetwork: true }),
            gateway("garbage", "5", "10.244.2.5", { labels: { app: 7 } }),
            gateway("starting", "6", "10.244.2.6", { ips: [] }),
            gateway("fine", "7", "10.244.2.7"),
        ]);
        start();
        await expect.poll(addresses, eventually).toEqual(["10.0.2.1", "10.244.2.7", "fd00::7"]);
    });

    it("lists anew when its watch is too old, and misses nothing that happened meanwhile", async () => {
        api.setPods([gateway("a", "1", "10.244.2.9")]);
        start();
        await expect.poll(addresses, eventually).toContain("10.244.2.9");
        await expect.poll(() => api.watches, eventually).toBe(1);
        api.setPodsSilently([gateway("a", "2", "10.244.2.10")]);
        api.expire();
        await expect.poll(addresses, eventually).toEqual(["10.0.2.1", "10.244.2.10", "fd00::10"]);
        expect(api.lists).toBeGreaterThan(1);
    });

    it("takes nobody away while the API server is away, and converges once it is back", async () => {
        api.setPods([gateway("a", "1", "10.244.2.9")]);
        start();
        await expect.poll(addresses, eventually).toContain("10.244.2.9");
        await expect.poll(() => api.watches, eventually).toBe(1);
        await api.stop();
        await expect.poll(() => lines.filter(({ says }) => says.includes("is away")).length, eventually).toBe(2);
        api.setPodsSilently([gateway("a", "2", "10.244.2.10")]);
        expect(addresses()).toContain("10.244.2.9");
        await api.start();
        await expect.poll(addresses, eventually).toEqual(["10.0.2.1", "10.244.2.10", "fd00::10"]);
        expect(api.applies).toHaveLength(2);
    });

    it("does not make a configuration again that has gone, and says what is the matter", async () => {
        api.removeConfig("worker2");
        api.setPods([gateway("a", "1", "10.244.2.9")]);
        start();
        await expect.poll(() => lines.find(({ level }) => level === "warning")?.says, eventually).toContain("is away");
        expect(api.applies).toEqual([]);
    });
});

import { describe, expect, it } from "vitest";
import { pauseAfter } from "../../controller/retry";
import { gateways, pod, TestClock, TestController, TestPods, TestSpeaker, virtualAddress } from "./world";

/** Two nodes, each with a speaker that has its router as a configured neighbor, and a controller that has just started. */
async function lab(parts: { readonly started?: boolean } = {}) {
    const clock = new TestClock();
    const pods = new TestPods();
    const speakers = { node1: new TestSpeaker("node1", [gateways]), node2: new TestSpeaker("node2", [gateways]) };
    for (const speaker of Object.values(speakers)) {
        speaker.peers.set("10.0.0.1", { address: "10.0.0.1", settings: "the router" });
    }
    const controller = new TestController(clock, pods, Object.values(speakers));
    if (parts.started ?? true) {
        controller.start();
        await clock.pass(1_000);
    }
    return { clock, pods, controller, ...speakers };
}

const first = () => pod("loadbalancer-0", "node2", "10.244.2.216");
const mark = "pod default/loadbalancer-0 of gateways";

describe("the controller", () => {
    it("follows a Pod that comes, moves and goes, with its routes, and says what it did and why", async () => {
        const { clock, pods, node1, node2, controller } = await lab();
        pods.set([first()]);
        await clock.pass(1_000);
        expect(node2.marked).toEqual([`10.244.2.216 ${mark}`]);
        expect(node2.routes).toEqual({ [virtualAddress]: "10.244.2.216" });

        pods.set([pod("loadbalancer-0", "node1", "10.244.1.7")]);
        await clock.pass(1_000);
        expect(node1.marked).toEqual([`10.244.1.7 ${mark}`]);
        expect(node2.marked).toEqual([]);
        expect(node2.routes).toEqual({});

        pods.set([]);
        await clock.pass(1_000);
        expect([...node1.marked, ...node2.marked]).toEqual([]);
        expect([...node1.misdeeds, ...node2.misdeeds]).toEqual([]);
        expect(controller.said.filter((line) => line.startsWith("node2:"))).toEqual([
            "node2: selector gateways: no Pod here becomes a neighbor by it",
            "node2: set the import policies, because other Pods are neighbors",
            "node2: added the neighbor 10.244.2.216, because Pod default/loadbalancer-0 on node2 matches selector gateways",
            "node2: set the routes of node2 to 192.168.0.1/32 via 10.244.2.216, because 192.168.0.1/32 was taken of 10.244.2.216",
            "node2: selector gateways: no Pod here becomes a neighbor by it",
            `node2: removed the neighbor 10.244.2.216 (${mark}), because Pod default/loadbalancer-0 is now 10.244.1.7 on node1`,
            "node2: set the import policies, because other Pods are neighbors",
            "node2: set the routes of node2 to none, because 192.168.0.1/32 is no longer taken of 10.244.2.216",
        ]);
    });

    it("converges once for a burst of events", async () => {
        const { clock, pods, node2 } = await lab();
        const before = node2.observed;
        for (let n = 0; n < 200; n++) {
            pods.set([...pods.all, pod(`p${n}`, "node1", `10.244.1.${n + 1}`)]);
        }
        await clock.pass(1_000);
        expect(node2.observed - before).toBe(1);
    });

    it("does not put off its work for as long as events go on", async () => {
        const { clock, pods, node2 } = await lab();
        pods.set([first()]);
        for (let n = 0; n < 100; n++) {
            await clock.pass(5);
            pods.set([...pods.all]);
        }
        expect(node2.marked).toEqual([`10.244.2.216 ${mark}`]);
    });

    it("has nothing to do when nothing happens, and looks now and then all the same", async () => {
        const { clock, pods, node2 } = await lab();
        pods.set([first()]);
        await clock.pass(1_000);
        const [done, observed] = [node2.done.length, node2.observed];
        await clock.pass(600_000);
        expect(node2.done).toHaveLength(done);
        expect(node2.observed - observed).toBe(20);
    });

    it("heals what somebody did to its neighbors, and leaves theirs alone", async () => {
        const { clock, pods, node2 } = await lab();
        pods.set([first()]);
        await clock.pass(1_000);
        node2.change((peers) => {
            peers.delete("10.244.2.216");
            peers.set("10.244.2.99", { address: "10.244.2.99", settings: "somebody's" });
        });
        await clock.pass(1_000);
        expect([...node2.peers.keys()].sort()).toEqual(["10.0.0.1", "10.244.2.216", "10.244.2.99"]);
        expect(node2.misdeeds).toEqual([]);
    });

    it("tells a speaker that was restarted everything again, and no other", async () => {
        const { clock, pods, node1, node2 } = await lab();
        pods.set([first()]);
        await clock.pass(1_000);
        const [opened, done] = [node1.opened, node1.done.length];
        node2.crash();
        expect(node2.marked).toEqual([]);
        await clock.pass(1_000);
        expect(node2.marked).toEqual([`10.244.2.216 ${mark}`]);
        expect([node1.opened, node1.done.length]).toEqual([opened, done]);
    });

    it("goes on with others while a speaker is away, asks for it ever more rarely, and tells it all when it is back", async () => {
        const { clock, pods, node1, node2, controller } = await lab();
        node1.goAway("its API socket gives ECONNREFUSED");
        pods.set([first(), pod("loadbalancer-1", "node1", "10.244.1.5")]);
        const before = node1.opened;
        await clock.pass(60_000);
        expect(node2.marked).toEqual([`10.244.2.216 ${mark}`]);
        expect(controller.status?.targets.node1).toMatchObject({
            state: "away",
            error: "its API socket gives ECONNREFUSED",
        });
        // 50, 100, 200 … 2,000 ms, of each between half and all.
        expect(node1.opened - before).toBeGreaterThan(30);
        expect(node1.opened - before).toBeLessThan(70);
        node1.comeBack();
        await clock.pass(2_100);
        expect(node1.marked).toEqual(["10.244.1.5 pod default/loadbalancer-1 of gateways"]);
        expect(controller.status?.targets.node1?.state).toBe("converged");
        expect(controller.said.filter((line) => /away|back/.test(line))).toEqual([
            "node1: node1 is away; tried again from 38 ms on, because its API socket gives ECONNREFUSED",
            expect.stringMatching(/^node1: node1 is back, because it answered after \d+ attempts$/),
        ]);
    });

    it("takes nobody away while the API of Pods is away, and keeps speakers as they last should have been", async () => {
        const { clock, pods, node2, controller } = await lab();
        pods.set([first()]);
        await clock.pass(1_000);
        pods.goAway("the sandbox is gone");
        node2.crash();
        await clock.pass(60_000);
        expect(node2.marked).toEqual([`10.244.2.216 ${mark}`]);
        expect(controller.status?.pods).toEqual({ known: 1, error: "the sandbox is gone" });
        pods.set([]);
        pods.comeBack();
        await clock.pass(3_000);
        expect(node2.marked).toEqual([]);
        expect(controller.status?.pods).toEqual({ known: 0 });
    });

    it("touches nothing before it knows the Pods", async () => {
        const { clock, pods, node2, controller } = await lab({ started: false });
        node2.peers.set("10.244.2.216", { address: "10.244.2.216", mark, settings: "ipv4 of gateways" });
        pods.goAway("connection refused");
        pods.set([first()]);
        controller.start();
        await clock.pass(60_000);
        expect(node2.done).toEqual([]);
        pods.comeBack();
        await clock.pass(3_000);
        expect(node2.done).toEqual(["policies", "routes"]);
    });

    it("finds what it made before it was killed, and does none of it twice", async () => {
        const { clock, pods, node1, node2, controller } = await lab();
        pods.set([first(), pod("loadbalancer-1", "node1", "10.244.1.5")]);
        await clock.pass(1_000);
        controller.kill();
        pods.set([pod("loadbalancer-0", "node2", "10.244.2.217"), pods.all[1]!]);
        await clock.pass(5_000);
        const done = node1.done.length;
        controller.start();
        await clock.pass(1_000);
        expect(node2.marked).toEqual([`10.244.2.217 ${mark}`]);
        expect(node1.done).toHaveLength(done);
        expect([...node1.misdeeds, ...node2.misdeeds]).toEqual([]);
    });

    it("tries again what a speaker refused, and does not repeat what it did although the answer was lost", async () => {
        const { clock, pods, node2 } = await lab();
        node2.refuse("before", "after", "before", "after");
        pods.set([first(), pod("loadbalancer-1", "node2", "10.244.2.3")]);
        await clock.pass(10_000);
        expect(node2.marked).toHaveLength(2);
        expect(node2.misdeeds).toEqual([]);
    });

    it("follows none and a thousand Pods", async () => {
        const { clock, pods, node2, controller } = await lab();
        pods.set(Array.from({ length: 1000 }, (_, n) => pod(`p${n}`, "node2", `10.244.${n >> 8}.${n & 255}`)));
        await clock.pass(1_000);
        expect(node2.marked).toHaveLength(1000);
        expect(controller.status?.targets.node2).toMatchObject({ state: "converged", neighbors: 1000, actions: 1002 });
        pods.set([]);
        await clock.pass(1_000);
        expect([...node2.peers.keys()]).toEqual(["10.0.0.1"]);
        expect(node2.misdeeds).toEqual([]);
    });

    it("says once why it leaves a Pod out, and again only when that is news", async () => {
        const { clock, pods, controller } = await lab();
        const said = () => controller.said.filter((line) => line.includes("default/odd"));
        const odd = pod("odd", "node2", "10.244.2.3", { labels: { app: "loadbalancer", "": "x" } });
        for (let round = 0; round < 3; round++) {
            pods.set([odd, first()]);
            await clock.pass(60_000);
        }
        expect(said()).toEqual(['node2: Pod default/odd: left out: "": "x" is no label']);
        pods.set([first()]);
        await clock.pass(1_000);
        pods.set([odd]);
        await clock.pass(1_000);
        expect(said()).toHaveLength(2);
    });

    it("is converging from the moment that Pods change until its targets follow", async () => {
        const { clock, pods, controller } = await lab();
        expect(controller.status?.targets.node2?.state).toBe("converged");
        pods.set([first()]);
        expect(controller.status?.targets.node2?.state).toBe("converging");
        await clock.pass(1_000);
        expect(controller.status?.targets.node2).toMatchObject({ state: "converged", neighbors: 1, routes: 1 });
    });
});

describe("pauses between attempts", () => {
    it("double up to the longest, and are between half and all of that", () => {
        const backoff = { first: 50, most: 2_000 };
        const longest = Array.from({ length: 8 }, (_, n) => pauseAfter(n + 1, backoff, 1));
        expect(longest).toEqual([50, 100, 200, 400, 800, 1600, 2000, 2000]);
        expect(pauseAfter(3, backoff, 0)).toBe(100);
        expect(pauseAfter(10_000, backoff, 0.5)).toBe(1500);
    });
});

/** What holds after anything that may happen to Pods, their API, speakers and the controller itself. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ObservedPod } from "../../controller/reconcile";
import { gateways, pod, TestClock, TestController, TestPods, TestSpeaker, virtualAddress } from "./world";

const nodes = ["node1", "node2", "node3"] as const;

/** One thing that happens. Numbers choose: a node, a Pod among those that are there, a time. */
type Event =
    | { readonly does: "create"; readonly node: number; readonly labels: number }
    | { readonly does: "delete" | "restart" | "relabel"; readonly which: number; readonly labels: number }
    | { readonly does: "move"; readonly which: number; readonly node: number }
    | { readonly does: "crash" | "leave" | "return" | "intrude" | "disturb"; readonly node: number }
    | { readonly does: "refuse"; readonly node: number; readonly how: readonly ("before" | "after")[] }
    | { readonly does: "API away" | "API back" | "kill" | "start" }
    | { readonly does: "pass"; readonly milliseconds: number };

const number = fc.nat({ max: 1000 });

const events: fc.Arbitrary<Event> = fc.oneof(
    { weight: 6, arbitrary: fc.record({ does: fc.constant("create" as const), node: number, labels: number }) },
    {
        weight: 6,
        arbitrary: fc.record({
            does: fc.constantFrom("delete", "restart", "relabel"),
            which: number,
            labels: number,
        }),
    },
    { weight: 3, arbitrary: fc.record({ does: fc.constant("move" as const), which: number, node: number }) },
    {
        weight: 5,
        arbitrary: fc.record({ does: fc.constantFrom("crash", "leave", "return", "intrude", "disturb"), node: number }),
    },
    {
        weight: 2,
        arbitrary: fc.record({
            does: fc.constant("refuse" as const),
            node: number,
            how: fc.array(fc.constantFrom("before", "after"), { minLength: 1, maxLength: 5 }),
        }),
    },
    { weight: 3, arbitrary: fc.record({ does: fc.constantFrom("API away", "API back", "kill", "start") }) },
    {
        weight: 8,
        arbitrary: fc.record({ does: fc.constant("pass" as const), milliseconds: fc.integer({ min: 1, max: 3_000 }) }),
    },
);

/** Labels by number; only the first are those that the selector asks for. */
const labelSets: readonly unknown[] = [
    { app: "loadbalancer" },
    { app: "loadbalancer", tier: "edge" },
    { app: "web" },
    {},
    undefined,
    { app: "loadbalancer", "no label!": "x" },
    { app: ["loadbalancer"] },
    "app=loadbalancer",
];
const matching = new Set(labelSets.slice(0, 2));

class World {
    readonly clock: TestClock;
    readonly pods = new TestPods();
    readonly speakers = nodes.map((name) => new TestSpeaker(name, [gateways]));
    readonly controller: TestController;
    readonly foreign = new Map(nodes.map((name) => [name, new Set<string>()]));
    private running = false;
    private next = 1;

    constructor(chance: () => number) {
        this.clock = new TestClock(chance);
        this.controller = new TestController(this.clock, this.pods, this.speakers);
        for (const index of nodes.keys()) {
            this.intrude(index, "10.0.0.1");
        }
        this.start();
    }

    /** Addresses are never used again, and differ in length and order. */
    private address(): string {
        const n = this.next++;
        return `10.244.${(n * 37) & 255}.${n & 255}`;
    }

    private intrude(node: number, address: string): void {
        const speaker = this.speakers[node % nodes.length]!;
        this.foreign.get(speaker.name as (typeof nodes)[number])!.add(address);
        speaker.change((peers) => peers.set(address, { address, settings: "somebody's" }));
    }

    private start(): void {
        if (!this.running) {
            this.running = true;
            this.controller.start();
        }
    }

    private replace(which: number, change: (old: ObservedPod) => Partial<ObservedPod> | undefined): void {
        const all = [...this.pods.all];
        const index = which % Math.max(1, all.length);
        const old = all[index];
        const parts = old && change(old);
        all.splice(index, old ? 1 : 0, ...(old && parts ? [{ ...old, ...parts }] : []));
        this.pods.set(all);
    }

    async happen(event: Event): Promise<void> {
        const speaker = "node" in event ? this.speakers[event.node % nodes.length]! : undefined;
        const labels = "labels" in event ? { labels: labelSets[event.labels % labelSets.length] } : {};
        switch (event.does) {
            case "create":
                this.pods.set([...this.pods.all, pod(`p${this.next}`, speaker!.name, this.address(), labels)]);
                break;
            case "delete":
                this.replace(event.which, () => undefined);
                break;
            case "restart":
                this.replace(event.which, () => ({ uid: `again-${this.next}`, addresses: [this.address()] }));
                break;
            case "relabel":
                this.replace(event.which, () => labels);
                break;
            case "move":
                this.replace(event.which, () => ({ node: speaker!.name, addresses: [this.address()] }));
                break;
            case "crash":
                speaker!.crash();
                break;
            case "leave":
                speaker!.goAway("gone");
                break;
            case "return":
                speaker!.comeBack();
                break;
            case "intrude":
                this.intrude(event.node, `10.9.${this.next >> 8}.${this.next++ & 255}`);
                break;
            case "disturb":
                speaker!.change((peers) => {
                    const own = [...peers.values()].find(({ mark }) => mark !== undefined);
                    peers.delete(own?.address ?? "");
                });
                break;
            case "refuse":
                speaker!.refuse(...event.how);
                break;
            case "API away":
                this.pods.goAway("unavailable");
                break;
            case "API back":
                this.pods.comeBack();
                break;
            case "kill":
                this.running = false;
                this.controller.kill();
                break;
            case "start":
                this.start();
                break;
            case "pass":
                await this.clock.pass(event.milliseconds);
        }
    }

    /** Whatever is away comes back, and nothing happens any more. */
    async calmDown(): Promise<void> {
        this.start();
        this.pods.comeBack();
        for (const speaker of this.speakers) {
            speaker.comeBack();
            speaker.acceptAll();
        }
        await this.clock.pass(10_000);
    }

    /** What each speaker should have, worked out without the code under test. */
    expected() {
        return Object.fromEntries(
            nodes.map((node) => {
                const here = this.pods.all.filter((each) => each.node === node && matching.has(each.labels));
                const addresses = here.map((each) => each.addresses[0]!);
                const lowest = [...addresses].sort((a, b) => value(a) - value(b))[0];
                return [
                    node,
                    {
                        marked: here.map((each) => `${each.addresses[0]} pod default/${each.name} of gateways`).sort(),
                        foreign: [...this.foreign.get(node)!].sort(),
                        policy: JSON.stringify([...addresses].sort()),
                        routes: lowest === undefined ? {} : { [virtualAddress]: lowest },
                    },
                ];
            }),
        );
    }

    found() {
        return Object.fromEntries(
            this.speakers.map((speaker) => {
                const foreign = [...speaker.peers.values()].filter(({ mark }) => mark === undefined);
                return [
                    speaker.name,
                    {
                        marked: [...speaker.marked].sort(),
                        foreign: foreign.map(({ address }) => address).sort(),
                        policy: speaker.policyOf,
                        routes: speaker.routes,
                    },
                ];
            }),
        );
    }

    get doings(): number {
        return this.speakers.reduce((sum, { done }) => sum + done.length, 0);
    }

    get misdeeds(): readonly string[] {
        return this.speakers.flatMap(({ misdeeds }) => misdeeds);
    }
}

function value(address: string): number {
    return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** Chance that is the same in every run. */
function chanceFrom(seed: number): () => number {
    let state = seed;
    return () => {
        state = (state * 1103515245 + 12345) % 2 ** 31;
        return state / 2 ** 31;
    };
}

describe("whatever happens to Pods, their API, speakers and the controller", () => {
    it("speakers end up with exactly what they should have, by nothing that was not needed", async () => {
        await fc.assert(
            fc.asyncProperty(fc.array(events, { maxLength: 60 }), fc.nat(), async (all, seed) => {
                const world = new World(chanceFrom(seed));
                for (const event of all) {
                    await world.happen(event);
                }
                await world.calmDown();
                expect(world.found()).toEqual(world.expected());
                expect(world.misdeeds).toEqual([]);
                const states = Object.values(world.controller.status?.targets ?? {}).map(({ state }) => state);
                expect(states).toEqual(nodes.map(() => "converged"));
                const before = world.doings;
                await world.clock.pass(100_000);
                expect(world.doings - before, "things done although nothing happened").toBe(0);
                world.controller.kill();
            }),
            { numRuns: 300 },
        );
    });
});

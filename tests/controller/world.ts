/** Pods, their API and speakers as the peering controller meets them, in memory, with a clock that passes when told to. */

import type { LogLine, PodSource, Target } from "../../controller/loop";
import { runController } from "../../controller/loop";
import {
    type ActualPeer,
    markOf,
    type ObservedPod,
    type PodSelector,
    type WantedPeer,
} from "../../controller/reconcile";
import type { Clock } from "../../controller/retry";
import type { ControllerStatus } from "../../provider/schema";

interface Sleeper {
    readonly at: number;
    readonly wake: () => void;
}

/** A clock that stands still until somebody lets time pass; then everybody who sleeps wakes in order. */
export class TestClock implements Clock {
    private time = 0;
    private sleepers: Sleeper[] = [];

    constructor(private readonly chance: () => number = () => 0.5) {}

    now(): number {
        return this.time;
    }

    random(): number {
        return this.chance();
    }

    sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
        return new Promise((resolve) => {
            const wake = () => {
                this.sleepers = this.sleepers.filter((each) => each !== sleeper);
                signal.removeEventListener("abort", wake);
                resolve();
            };
            const sleeper = { at: this.time + milliseconds, wake };
            this.sleepers.push(sleeper);
            signal.addEventListener("abort", wake);
            if (signal.aborted) {
                wake();
            }
        });
    }

    async pass(milliseconds: number): Promise<void> {
        const end = this.time + milliseconds;
        for (;;) {
            await everythingIsDone();
            const next = this.sleepers.reduce<Sleeper | undefined>(
                (first, each) => (first === undefined || each.at < first.at ? each : first),
                undefined,
            );
            if (next === undefined || next.at > end) {
                break;
            }
            this.time = next.at;
            next.wake();
        }
        this.time = end;
    }
}

/** Nothing here waits for anything but promises, so that all of it is done when the event loop comes round. */
function everythingIsDone(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
}

/** Settles only by failing. */
function breakable(): { readonly gone: Promise<never>; readonly fail: (why: string) => void } {
    let fail: (why: string) => void = () => {};
    const gone = new Promise<never>((_, reject) => {
        fail = (why) => reject(new Error(why));
    });
    gone.catch(() => {});
    return { gone, fail };
}

/** The API of Pods. */
export class TestPods implements PodSource {
    private pods: readonly ObservedPod[] = [];
    private watches = new Set<{ readonly hear: () => void; readonly fail: (why: string) => void }>();
    private away: string | undefined;
    lists = 0;

    get all(): readonly ObservedPod[] {
        return this.pods;
    }

    set(pods: readonly ObservedPod[]): void {
        this.pods = pods;
        for (const { hear } of this.watches) {
            hear();
        }
    }

    goAway(why: string): void {
        this.away = why;
        for (const { fail } of [...this.watches]) {
            fail(why);
        }
    }

    comeBack(): void {
        this.away = undefined;
    }

    async watch(onPods: (pods: readonly ObservedPod[]) => void, signal: AbortSignal): Promise<void> {
        if (this.away !== undefined) {
            throw new Error(this.away);
        }
        const { gone, fail } = breakable();
        const watch = { hear: () => onPods(this.pods), fail };
        const stop = () => fail("nobody listens any more");
        this.watches.add(watch);
        signal.addEventListener("abort", stop);
        this.lists += 1;
        watch.hear();
        try {
            await gone;
        } finally {
            this.watches.delete(watch);
            signal.removeEventListener("abort", stop);
        }
    }
}

/** What a neighbor that is a Pod announces. */
export const virtualAddress = "192.168.0.1/32";

/**
 * A speaker of a node. It notes as `misdeeds` what a controller must never do: touch what is not its own, let a neighbor
 * in before its policy, or do what is done already.
 */
export class TestSpeaker implements Target {
    readonly peers = new Map<string, ActualPeer>();
    readonly misdeeds: string[] = [];
    readonly done: string[] = [];
    private policyNow = "[]";
    private routesNow: Readonly<Record<string, string>> = {};
    private away: string | undefined;
    private connections = new Set<{ readonly fail: (why: string) => void; readonly changed: (what: string) => void }>();
    private refusals: ("before" | "after")[] = [];
    opened = 0;
    observed = 0;

    constructor(
        readonly name: string,
        private readonly selectors: readonly PodSelector[],
    ) {}

    get marked(): readonly string[] {
        return [...this.peers.values()].flatMap(({ mark, address }) =>
            mark === undefined ? [] : [`${address} ${mark}`],
        );
    }

    get routes(): Readonly<Record<string, string>> {
        return this.routesNow;
    }

    get policyOf(): string {
        return this.policyNow;
    }

    /** Ends, and forgets what it was told of Pods. Kernel routes outlive it. */
    crash(why = "it ended"): void {
        for (const [address, { mark }] of this.peers) {
            if (mark !== undefined) {
                this.peers.delete(address);
            }
        }
        this.policyNow = "[]";
        this.breakOff(why);
    }

    goAway(why: string): void {
        this.away = why;
        this.breakOff(why);
    }

    comeBack(): void {
        this.away = undefined;
    }

    private breakOff(why: string): void {
        for (const { fail } of [...this.connections]) {
            fail(why);
        }
    }

    /** The next calls fail: before anything was done, or after, with the answer lost. */
    refuse(...refusals: ("before" | "after")[]): void {
        this.refusals.push(...refusals);
    }

    acceptAll(): void {
        this.refusals = [];
    }

    /** Somebody else changes the speaker. */
    change(peers: (all: Map<string, ActualPeer>) => void): void {
        peers(this.peers);
        this.tell("its sessions changed");
    }

    private tell(what: string): void {
        for (const { changed } of this.connections) {
            changed(what);
        }
    }

    settings({ family, selector }: WantedPeer): string {
        return `${family} of ${selector.name}`;
    }

    policy(peers: readonly WantedPeer[]): string {
        return JSON.stringify(peers.map(({ address }) => address).sort());
    }

    async open(changed: (what: string) => void): ReturnType<Target["open"]> {
        this.opened += 1;
        if (this.away !== undefined) {
            throw new Error(this.away);
        }
        const { gone, fail } = breakable();
        const connection = { fail, changed };
        this.connections.add(connection);
        return {
            gone,
            observe: async () => {
                this.observed += 1;
                return {
                    selectors: this.selectors,
                    nodes: [this.name],
                    peers: [...this.peers.values()],
                    policy: this.policyNow,
                    paths: [...this.peers.values()].flatMap(({ address, mark }) =>
                        mark === undefined || address.includes(":")
                            ? []
                            : [{ prefix: virtualAddress, nextHop: address, neighbor: address }],
                    ),
                    routes: { [this.name]: this.routesNow },
                };
            },
            apply: async ({ actions }, done) => {
                for (const action of actions) {
                    const refusal = this.refusals.shift();
                    if (refusal === "before") {
                        throw new Error("refused");
                    }
                    this.act(action);
                    if (refusal === "after") {
                        throw new Error("the answer was lost");
                    }
                    done(action);
                }
            },
            close: () => {
                this.connections.delete(connection);
            },
        };
    }

    private act(action: Parameters<Parameters<Awaited<ReturnType<Target["open"]>>["apply"]>[1]>[0]): void {
        switch (action.kind) {
            case "remove neighbor":
                this.done.push(`- ${action.address}`);
                this.note(this.peers.get(action.address)?.mark === undefined, `removed ${action.address}`);
                this.peers.delete(action.address);
                break;
            case "add neighbor": {
                const { address } = action.peer;
                this.done.push(`+ ${address}`);
                this.note(this.peers.has(address), `added ${address}, which was there`);
                this.note(!JSON.parse(this.policyNow).includes(address), `added ${address} before its policy`);
                const mark = markOf(action.peer);
                this.peers.set(address, { address, mark, settings: this.settings(action.peer) });
                break;
            }
            case "set policies":
                this.done.push("policies");
                this.note(this.policyNow === action.policy, "set the policies that were there");
                this.policyNow = action.policy;
                break;
            case "set routes":
                this.done.push("routes");
                this.note(
                    JSON.stringify(this.routesNow) === JSON.stringify(action.routes),
                    "set routes that were there",
                );
                this.note(action.node !== this.name, `set routes of ${action.node}`);
                this.routesNow = action.routes;
                break;
        }
        this.tell("it was told something");
    }

    private note(isWrong: boolean, what: string): void {
        if (isWrong) {
            this.misdeeds.push(`${this.name}: ${what}`);
        }
    }
}

/** A controller that can be killed and started again. */
export class TestController {
    readonly log: LogLine[] = [];
    status: ControllerStatus | undefined;
    private ending = new AbortController();

    constructor(
        private readonly clock: TestClock,
        private readonly pods: PodSource,
        private readonly targets: readonly Target[],
    ) {}

    start(): void {
        this.ending = new AbortController();
        const { signal } = this.ending;
        void runController(
            this.pods,
            this.targets,
            {
                clock: this.clock,
                configuration: "test",
                log: (line) => signal.aborted || this.log.push(line),
                publish: (status) => {
                    this.status = status;
                },
            },
            signal,
        );
    }

    kill(): void {
        this.ending.abort();
    }

    /** What it said, in words. */
    get said(): readonly string[] {
        return this.log.map(({ at, says, why }) => `${at}: ${says}${why === undefined ? "" : `, because ${why}`}`);
    }
}

let count = 0;

/** A Pod; unless told otherwise one that the selector `gateways` matches. */
export function pod(name: string, node: string, address: string, parts: Partial<ObservedPod> = {}): ObservedPod {
    const labels = { app: "loadbalancer" };
    return { namespace: "default", name, uid: `uid-${++count}`, node, labels, addresses: [address], ...parts };
}

export const gateways: PodSelector = {
    name: "gateways",
    namespace: "default",
    selector: { matchLabels: { app: "loadbalancer" } },
    families: ["ipv4"],
};

/** Runs labs of routers on real FRR, some at a time, and reads what they settle on. */

import { rmSync } from "node:fs";
import { applyFrr, stopFrr } from "../../provider/daemons/frr";
import { bgpRoutes, bgpSummary } from "../../provider/daemons/frr-reads";
import { type Vty, vty } from "../../provider/daemons/vty";
import { leakOwners, netnsDriver } from "../../provider/driver";
import { setInterfaces } from "../../provider/faults";
import type { Sandbox } from "../../provider/sandbox/protocol";
import { destroySandbox, startSandbox } from "../../provider/sandbox/start";
import { fabricSpec, routerSpec } from "../../render/embedded";
import { type Facts, instancesOf, observedFacts } from "./facts";
import type { Case } from "./generator";

/** Milliseconds between two looks at a lab: more from look to look, because looking costs what the daemons need. */
const pauses = [80, 80, 80, 120, 200, 300, 500];

/** Milliseconds after which a lab that was as predicted is looked at again: a moment on the way is not the end. */
const again = 150;

/** Sandboxes in which labs run one after the other. */
export class Stage {
    private readonly free: Promise<Sandbox>[] = [];
    private readonly waiting: ((sandbox: Promise<Sandbox>) => void)[] = [];
    private readonly names: string[];

    constructor(topic: string, places: number) {
        this.names = Array.from({ length: places }, (_, place) => `${topic}-${process.pid}-${place}`);
        this.free.push(...this.names.map((name) => startSandbox(name)));
    }

    /** Lends a sandbox for a piece of work; waits until one is free. */
    async use<T>(work: (sandbox: Sandbox) => Promise<T>): Promise<T> {
        const lent = this.free.pop() ?? new Promise<Sandbox>((give) => this.waiting.push((one) => give(one)));
        try {
            return await work(await lent);
        } finally {
            const next = this.waiting.shift();
            next === undefined ? this.free.push(lent) : next(lent);
        }
    }

    async end(): Promise<void> {
        await Promise.all(this.names.map((name) => destroySandbox(name)));
    }
}

/** What is awaited, of the facts that are compared. */
export interface Goal {
    readonly wanted: Facts;
    readonly compared: (facts: Facts) => Facts;
    /** Seconds after which what is not there is taken not to come. */
    readonly patience: number;
}

/** A lab at work. */
export interface Running {
    /** Takes interfaces down. */
    cut(ports: Case["down"]): Promise<void>;
    /** Looks at the lab until it shows what is wanted, or the time is over; gives what it showed last. */
    settled(goal: Goal): Promise<Facts>;
}

/** Builds a lab, some of whose interfaces are down, for the time of a piece of work. */
export async function withLab<T>(
    sandbox: Sandbox,
    { lab, down }: Case,
    work: (running: Running) => Promise<T>,
): Promise<T> {
    const routers = Object.keys(lab.routers);
    const look = new Look(sandbox, lab);
    const cut = async (ports: Case["down"]) => {
        await Promise.all(ports.map((port) => setInterfaces(sandbox, port.namespace, [port.interface], false)));
    };
    try {
        await sandbox.call("applyFabric", { fabric: { sandbox: "", ...fabricSpec(lab) } });
        await cut(down);
        await Promise.all(routers.map((router) => applyFrr(sandbox, routerSpec(lab, router))));
        return await work({ cut, settled: (goal) => look.untilSettled(goal) });
    } finally {
        look.end();
        await Promise.all(routers.map((namespace) => stopFrr(sandbox, { namespace })));
        await sandbox.call("applyFabric", { fabric: { sandbox: "", namespaces: {}, links: {}, bridges: {} } });
        for (const router of routers) {
            rmSync(sandbox.path(`/run/frr/${router}`), { recursive: true, force: true });
        }
    }
}

/** A look at all routers of a lab. */
class Look {
    private readonly driver: ReturnType<typeof netnsDriver>;
    private readonly bgpds = new Map<string, Promise<Vty>>();

    constructor(
        private readonly sandbox: Sandbox,
        private readonly lab: Case["lab"],
    ) {
        this.driver = netnsDriver(sandbox);
    }

    async untilSettled({ wanted, compared, patience }: Goal): Promise<Facts> {
        const deadline = Date.now() + patience * 1000;
        const text = wanted.join("\n");
        for (let look = 0; ; look++) {
            const seen = compared(await this.facts());
            const isWanted = seen.join("\n") === text;
            if (isWanted) {
                await pause(again);
                const later = compared(await this.facts());
                if (later.join("\n") === text) {
                    return later;
                }
            }
            if (Date.now() > deadline) {
                return seen;
            }
            await pause(pauses[Math.min(look, pauses.length - 1)]!);
        }
    }

    private async facts(): Promise<Facts> {
        const all = await Promise.all(
            instancesOf(this.lab).map(async ({ device, vrf, neighbors }) => {
                const bgpd = await this.bgpdOf(device);
                const [sessions, rib4, rib6, kernel4, kernel6, vrfs] = await Promise.all([
                    bgpSummary(bgpd, vrf),
                    bgpRoutes(bgpd, "ipv4", vrf),
                    bgpRoutes(bgpd, "ipv6", vrf),
                    this.driver.kernelBgpRoutes(device, "ipv4", vrf),
                    this.driver.kernelBgpRoutes(device, "ipv6", vrf),
                    vrf === undefined ? new Map<string, string>() : leakOwners(this.sandbox, device),
                ]);
                const rib = { ipv4: rib4, ipv6: rib6 };
                const kernel = { ipv4: kernel4, ipv6: kernel6 };
                return observedFacts(device, vrf, { sessions, rib, kernel, vrfs }, neighbors);
            }),
        );
        return all.flat().sort();
    }

    private bgpdOf(device: string): Promise<Vty> {
        const known = this.bgpds.get(device) ?? vty(this.sandbox, device, "bgpd");
        this.bgpds.set(device, known);
        return known;
    }

    end(): void {
        this.driver.close();
        for (const bgpd of this.bgpds.values()) {
            bgpd.then(
                (open) => open.close(),
                () => {},
            );
        }
    }
}

function pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

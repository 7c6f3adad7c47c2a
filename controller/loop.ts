/**
 * The peering controller's loop, the same for all its ends: it lists and watches Pods, and whenever they or a target may
 * have changed it looks, decides (`reconcile.ts`) and does what is to be done.
 *
 * Targets are independent: one that is away holds up no other. Nothing is done before Pods were listed once, and while
 * their API is away the last list stands: an API that cannot be reached is no reason to take neighbors away.
 */

import type { ControllerStatus, TargetStatus } from "../provider/schema";
import { Bell } from "./bell";
import {
    type Action,
    type Note,
    type ObservedPod,
    type Plan,
    type PodSelector,
    plan,
    type TargetState,
    type Terms,
} from "./reconcile";
import { type Backoff, type Clock, keepAt, type Listener } from "./retry";

/** Where Pods come from. */
export interface PodSource {
    /**
     * Gives the complete list of Pods, and again whenever it has changed. Settles when it cannot go on; it is begun anew
     * then.
     */
    watch(onPods: (pods: readonly ObservedPod[]) => void, signal: AbortSignal): Promise<void>;
}

/** Something whose neighbors or routes follow the Pods: the speaker of a node, a router, a custom resource. */
export interface Target<S extends PodSelector = PodSelector> extends Terms<S> {
    /** For people, and unlike all others. */
    readonly name: string;
    /** @param changed to be called whenever its state may have changed by others, or by what was done, with what it was */
    open(changed: (what: string) => void): Promise<OpenTarget<S>>;
}

/** A target that can be reached. */
export interface OpenTarget<S extends PodSelector = PodSelector> {
    /** Rejects when it can be reached no longer, and says why. */
    readonly gone: Promise<never>;
    observe(): Promise<TargetState<S>>;
    /**
     * Does what a plan says, in its order. What fails holds up nothing that does not depend on it.
     *
     * @param done to be called for everything that was done
     * @throws Error when anything failed; it is tried again
     */
    apply(plan: Plan<S>, done: (action: Action<S>) => void): Promise<void>;
    close(): void;
}

/** A line of the log; time is added where it is written. */
export interface LogLine {
    readonly level: "info" | "warning";
    /** The target, or `Pods`. */
    readonly at: string;
    /** What was done or seen. */
    readonly says: string;
    readonly why?: string;
    /** What made the controller look. */
    readonly after?: string;
}

/** How the loop runs. */
export interface LoopOptions {
    readonly clock: Clock;
    readonly log: (line: LogLine) => void;
    /** Hears of every change of the status. */
    readonly publish?: (status: ControllerStatus) => void;
    /** Told in the status: which configuration the controller has. */
    readonly configuration: string;
    /** Milliseconds without an event until a burst of them is over. @default 20 */
    readonly settle?: number;
    /** Milliseconds after which a target is looked at though nothing has happened, for what nobody tells. @default 30,000 */
    readonly resync?: number;
    /** @default 50 ms to 2 s */
    readonly backoff?: Backoff;
}

const defaults = { settle: 20, resync: 30_000, backoff: { first: 50, most: 2_000 } } as const;

/** A burst that does not end is not waited for longer than so many times its pause. */
const mostSettles = 10;

/**
 * Runs the controller until the signal aborts it.
 *
 * @param source where Pods come from
 * @param targets what follows them
 */
export async function runController<S extends PodSelector>(
    source: PodSource,
    targets: readonly Target<S>[],
    options: LoopOptions,
    signal: AbortSignal,
): Promise<void> {
    const status = new Status(
        targets.map(({ name }) => name),
        options,
    );
    const running: Running = { world: { pods: undefined }, status, options, signal };
    const bells = targets.map(() => new Bell());
    const ringAll = (what: string) => {
        for (const bell of bells) {
            bell.ring(what);
        }
    };
    signal.addEventListener("abort", () => ringAll("the end"), { once: true });
    const following = targets.map((target, index) => followTarget(target, bells[index]!, running));
    await Promise.all([followPods(source, ringAll, running), ...following]);
}

/** What is known of Pods; nothing until they were listed. */
interface World {
    pods: readonly ObservedPod[] | undefined;
}

interface Running {
    readonly world: World;
    readonly status: Status;
    readonly options: LoopOptions;
    readonly signal: AbortSignal;
}

function followPods(source: PodSource, ringAll: (what: string) => void, running: Running): Promise<void> {
    const { world, status, options, signal } = running;
    const listen = (isUp: () => void) =>
        source.watch((pods) => {
            world.pods = pods;
            isUp();
            status.setPods({ known: pods.length });
            status.expectChange();
            ringAll("the Pods changed");
        }, signal);
    return keepAt(listen, {
        ...timing(options),
        signal,
        ...spoken("Pods", "the API of Pods", options, (error) =>
            status.setPods({ known: world.pods?.length ?? 0, ...(error === undefined ? {} : { error }) }),
        ),
    });
}

function followTarget<S extends PodSelector>(target: Target<S>, bell: Bell, running: Running): Promise<void> {
    const { status, options, signal } = running;
    const notes = new Notes(target.name, options.log);
    const work = async (isUp: () => void) => {
        const open = await target.open((what) => bell.ring(what));
        let lost: Error | undefined;
        open.gone.catch((error: Error) => {
            lost = error;
            bell.ring("it went away");
        });
        try {
            bell.ring("it can be reached");
            for (;;) {
                const after = await nextEvent(bell, running);
                if (signal.aborted) {
                    return;
                }
                if (lost !== undefined) {
                    throw lost;
                }
                await converge(target, open, after, notes, running);
                isUp();
            }
        } finally {
            open.close();
        }
    };
    return keepAt(work, {
        ...timing(options),
        signal,
        ...spoken(target.name, target.name, options, (error) => {
            if (error !== undefined) {
                status.set(target.name, { state: "away", error });
            }
        }),
    });
}

function timing({ clock, backoff = defaults.backoff }: LoopOptions): {
    readonly clock: Clock;
    readonly backoff: Backoff;
} {
    return { clock, backoff };
}

/** Says when something goes away and when it is back. */
function spoken(
    at: string,
    what: string,
    { log }: LoopOptions,
    onChange: (error: string | undefined) => void,
): Listener {
    return {
        onAway(why, pause) {
            log({ level: "warning", at, says: `${what} is away; tried again from ${pause} ms on`, why });
            onChange(why);
        },
        onBack(failures) {
            log({ level: "info", at, says: `${what} is back`, why: `it answered after ${failures} attempts` });
            onChange(undefined);
        },
    };
}

/** Waits for an event and for the end of its burst; without one, for the time to look anyway. */
async function nextEvent(bell: Bell, { options, signal }: Running): Promise<string> {
    const { clock, settle = defaults.settle, resync = defaults.resync } = options;
    if (!(await bell.within(resync, clock))) {
        return "a look now and then";
    }
    for (let pauses = 0; pauses < mostSettles && !signal.aborted; pauses++) {
        const before = bell.count;
        await clock.sleep(settle, signal);
        if (bell.count === before) {
            break;
        }
    }
    return bell.take();
}

/** Makes a target once what it should be. */
async function converge<S extends PodSelector>(
    target: Target<S>,
    open: OpenTarget<S>,
    after: string,
    notes: Notes,
    { world, status, options }: Running,
): Promise<void> {
    if (world.pods === undefined) {
        status.set(target.name, { state: "converging" });
        return;
    }
    const { clock, log } = options;
    const started = clock.now();
    const state = await open.observe();
    const todo = plan(world.pods, state, target);
    notes.say(todo.notes);
    let actions = 0;
    if (todo.actions.length > 0) {
        status.set(target.name, { state: "converging" });
        await open.apply(todo, (action) => {
            actions += 1;
            log({ level: "info", at: target.name, says: describeAction(action), why: action.why, after });
        });
    }
    status.converged(target.name, {
        neighbors: todo.wanted.length,
        routes: Object.values(routesAfter(state, todo)).reduce((sum, of) => sum + Object.keys(of).length, 0),
        actions,
        milliseconds: clock.now() - started,
    });
}

function routesAfter<S extends PodSelector>({ routes = {} }: TargetState<S>, { actions }: Plan<S>): object {
    const changed = actions.flatMap((action) =>
        action.kind === "set routes" ? [[action.node, action.routes] as const] : [],
    );
    return { ...routes, ...Object.fromEntries(changed) };
}

/** An action as a person says it. */
export function describeAction<S extends PodSelector>(action: Action<S>): string {
    switch (action.kind) {
        case "remove neighbor":
            return `removed the neighbor ${action.address} (${action.mark})`;
        case "set policies":
            return "set the import policies";
        case "add neighbor":
            return `added the neighbor ${action.peer.address}`;
        case "set routes":
            return `set the routes of ${action.node} to ${describeRoutes(action.routes)}`;
    }
}

function describeRoutes(routes: Readonly<Record<string, string>>): string {
    const all = Object.entries(routes).map(([prefix, hop]) => `${prefix} via ${hop}`);
    return all.join(", ") || "none";
}

/** Notes are said once, and again only after they were no longer true. */
class Notes {
    private said: ReadonlySet<string> = new Set();

    constructor(
        private readonly at: string,
        private readonly log: LoopOptions["log"],
    ) {}

    say(notes: readonly Note[]): void {
        const now = new Map(notes.map((note) => [`${note.about} ${note.says}`, note]));
        for (const [key, { about, says }] of now) {
            if (!this.said.has(key)) {
                this.log({ level: "info", at: this.at, says: `${about}: ${says}` });
            }
        }
        this.said = new Set(now.keys());
    }
}

/** What the controller says of itself. */
class Status {
    private current: ControllerStatus;

    constructor(
        targets: readonly string[],
        private readonly options: LoopOptions,
    ) {
        const { clock, configuration } = options;
        const none: TargetStatus = { state: "converging", neighbors: 0, routes: 0, convergences: 0, actions: 0 };
        this.current = {
            configuration,
            startedAt: new Date(clock.now()).toISOString(),
            pods: { known: 0 },
            targets: Object.fromEntries(targets.map((name) => [name, none])),
        };
        this.tell();
    }

    setPods(pods: ControllerStatus["pods"]): void {
        this.current = { ...this.current, pods };
        this.tell();
    }

    /** What has converged has not, now that other Pods are there. */
    expectChange(): void {
        const targets = Object.entries(this.current.targets).map(([name, target]): [string, TargetStatus] => [
            name,
            target.state === "converged" ? { ...target, state: "converging" } : target,
        ]);
        this.current = { ...this.current, targets: Object.fromEntries(targets) };
        this.tell();
    }

    set(target: string, change: Pick<TargetStatus, "state" | "error">): void {
        const { error: _, ...before } = this.current.targets[target]!;
        this.update(target, { ...before, ...change });
    }

    converged(
        target: string,
        {
            neighbors,
            routes,
            actions,
            milliseconds,
        }: Pick<TargetStatus, "neighbors" | "routes" | "actions"> & { readonly milliseconds: number },
    ): void {
        const before = this.current.targets[target]!;
        const at = new Date(this.options.clock.now()).toISOString();
        const last = actions === 0 ? before.last : { at, milliseconds, actions };
        this.update(target, {
            state: "converged",
            neighbors,
            routes,
            convergences: before.convergences + 1,
            actions: before.actions + actions,
            ...(last === undefined ? {} : { last }),
        });
    }

    private update(target: string, status: TargetStatus): void {
        this.current = { ...this.current, targets: { ...this.current.targets, [target]: status } };
        this.tell();
    }

    private tell(): void {
        this.options.publish?.(this.current);
    }
}

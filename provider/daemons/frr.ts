import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { DaemonStatus, Drift, Sandbox } from "../sandbox/protocol";
import {
    bgpVrfsOf,
    daemonsOf,
    diffConfig,
    differences,
    type Entry,
    flatten,
    formatConfig,
    loadBatches,
    parseConfig,
    partOf,
    policiesOf,
    profileOf,
    typed,
} from "./frr-config";
import { type ClosedSession, closedSessions, prefixesAtRest, reopenSessions, withoutNewLimits } from "./frr-limits";
import { amongVrfs, hasVrfs, provideVrfs, releaseVrfs } from "./frr-vrfs";
import { executable } from "./needs";
import { absence, untilReady } from "./process";
import { type FrrDaemon, succeeded, type Vty, type VtyReply, vty, vtyPath, withVty } from "./vty";

/** FRR in a namespace, with its complete frr.conf. */
export interface FrrSpec {
    readonly namespace: string;
    readonly config: string;
    /** Whether bgpd takes connections; beside another speaker of the namespace it only connects. @default true */
    readonly listens?: boolean;
    /** VRFs beside the default one; each is the namespace `<namespace>.<vrf>`. @default none */
    readonly vrfs?: readonly string[];
}

const allDaemons: readonly FrrDaemon[] = ["zebra", "staticd", "bfdd", "bgpd"];

/** Rounds of reading, comparing and commanding until a live change is given up; one is usual, two are seen. */
const rounds = 4;

/** Milliseconds between SIGTERM and SIGKILL; bgpd needs a few to tell its peers. */
const grace = 1_000;

/**
 * Starts FRR in a namespace with its configuration, or changes what runs to be as given. Dead daemons are started.
 *
 * Daemons are started directly (no watchfrr), without TCP command lines, and told line by line over their unix sockets,
 * so that a line they refuse is an error with the daemon's own words. Ready means: loaded, and sessions have been
 * started. zebra comes first: a bgpd that finds no zebra tries again only after 10 seconds (FRR lib/zclient.c).
 *
 * What runs is changed without a restart: the wanted configuration is first loaded into scratch daemons in an empty
 * namespace, which checks it and gives its normal form; the difference between that and the running configuration is
 * then commanded. Sessions that bgpd keeps closed because of too many prefixes are opened. Others reset only where FRR
 * cannot do otherwise: another AS or router id, other families, a neighbor that moves to another group. Another `frr defaults` profile restarts FRR, since FRR applies profiles to new objects
 * only; so do the first VRF and the end of the last one, since what makes a VRF is chosen when zebra starts.
 *
 * @throws Error naming the daemon that does not start with the end of its log, the refused lines (of what runs nothing
 *     was changed then), or the lines that still differ afterwards
 */
export async function applyFrr(sandbox: Sandbox, spec: FrrSpec): Promise<void> {
    const { namespace, config } = spec;
    const wanted = parseConfig(config);
    await ensureVrfs(sandbox, spec);
    const record = readRecord(sandbox, namespace);
    await ensureDaemons(sandbox, spec, daemonsOf(wanted));
    const sessions = await openAll(sandbox, namespace, daemonsOf(wanted));
    try {
        const running = await read(sessions, (session) => session.show("show running-config"));
        const before = (daemon: FrrDaemon) => parseConfig(running.get(daemon) ?? "");
        const fresh = select(sessions, (daemon) => isFresh(before(daemon)));
        const loaded = select(sessions, (daemon) => !fresh.has(daemon));
        if ([...loaded.keys()].some((daemon) => profileOf(before(daemon)) !== profileOf(wanted))) {
            await stopFrr(sandbox, { namespace });
            return applyFrr(sandbox, spec);
        }
        const bgpd = loaded.get("bgpd");
        const closed = bgpd ? await closedSessions(bgpd, before("bgpd")) : [];
        writeRecord(sandbox, namespace, undefined);
        const request = { namespace, config, record, sessions: loaded };
        await beforeLimits(sandbox, { ...request, wanted }, before("bgpd"));
        await change(sandbox, { ...request, wanted });
        await load(fresh, wanted, `frr.conf of ${namespace}`);
        const result = await read(sessions, (session) => runningConfig(session, wanted));
        const [then, now] = [before("bgpd"), result.get("bgpd") ?? []];
        const sameRequirements = requirements(then) === requirements(now);
        if (bgpd && !(record && sameRequirements && policies(then) === policies(now))) {
            await refreshRoutes(bgpd, wanted, !sameRequirements);
        }
        if (bgpd) {
            await reopenSessions(bgpd, closed, wanted);
        }
        writeRecord(sandbox, namespace, {
            config,
            running: Object.fromEntries([...result].map(([daemon, part]) => [daemon, formatConfig(part)])),
        });
    } finally {
        for (const session of sessions.values()) {
            session.close();
        }
    }
}

/**
 * Differences between the wanted configuration and what runs, daemon by daemon, and sessions that bgpd keeps closed; empty
 * when there are none. It starts nothing: what runs is compared with what ran right after the configuration was loaded.
 */
export async function inspectFrr(sandbox: Sandbox, spec: FrrSpec): Promise<readonly Drift[]> {
    const wanted = parseConfig(spec.config);
    const loaded = readRecord(sandbox, spec.namespace);
    const statuses = await statusesOf(sandbox, spec.namespace);
    const drift = await Promise.all(
        daemonsOf(wanted).map(async (daemon): Promise<readonly Drift[]> => {
            const status = statuses.get(daemon);
            if (!status?.running) {
                return [{ path: `daemons.${daemon}`, found: absence(status) }];
            }
            if (loaded?.config !== spec.config) {
                return [];
            }
            const then = parseConfig(loaded.running[daemon] ?? "");
            const ask = async (session: Vty) => [
                ...differences(await runningConfig(session, wanted), then).map(
                    (found): Drift => ({ path: "config", found: `${daemon}: ${found}` }),
                ),
                ...(daemon === "bgpd" ? (await closedSessions(session, wanted)).map(closedDrift) : []),
            ];
            return withVty(sandbox, spec.namespace, daemon, ask).catch((error: Error) => [
                { path: `daemons.${daemon}`, found: error.message },
            ]);
        }),
    );
    const other = loaded?.config === spec.config ? [] : [{ path: "config", found: foreignConfig(loaded) }];
    return [...other, ...drift.flat()];
}

function closedDrift({ vrf, neighbor }: ClosedSession): Drift {
    const where = vrf === undefined ? "" : ` in ${vrf}`;
    return { path: "sessions", found: `${neighbor}${where} is closed: it announced more than maximum-prefix` };
}

function foreignConfig(loaded: LoadedRecord | undefined): string {
    return loaded ? "another configuration is loaded" : "no configuration was loaded completely";
}

/**
 * Ends FRR in a namespace. bgpd tells its peers with a Cease, so they drop its routes at once, and zebra removes its
 * routes from the kernel. No error when nothing runs.
 */
export async function stopFrr(sandbox: Sandbox, { namespace }: { readonly namespace: string }): Promise<void> {
    await Promise.all(
        allDaemons.map((daemon) =>
            sandbox.call("stopDaemon", { name: frrProcess(namespace, daemon), graceMilliseconds: grace }),
        ),
    );
    await releaseVrfs(sandbox, namespace);
    writeRecord(sandbox, namespace, undefined);
}

/** Makes the VRFs namespaces that FRR finds. FRR ends before when it runs without VRFs, or with other ones of their names. */
async function ensureVrfs(sandbox: Sandbox, { namespace, vrfs = [] }: FrrSpec): Promise<void> {
    if (vrfs.length > 0 !== hasVrfs(sandbox, namespace)) {
        await stopFrr(sandbox, { namespace });
    }
    if (vrfs.length > 0 && (await provideVrfs(sandbox, namespace, vrfs))) {
        await stopFrr(sandbox, { namespace });
        await provideVrfs(sandbox, namespace, vrfs);
    }
}

/** Whether a daemon was told nothing yet; it then says no more than its profile and the kernel's hostname. */
function isFresh(running: readonly Entry[]): boolean {
    return running.every(({ line }) => /^(frr defaults|hostname) /.test(line));
}

type Sessions = ReadonlyMap<FrrDaemon, Vty>;
type Parts = ReadonlyMap<FrrDaemon, readonly Entry[]>;

/** What is kept about a loaded configuration, within the sandbox: it goes with it. */
interface LoadedRecord {
    /** The frr.conf that was asked for. */
    readonly config: string;
    /** What each daemon answered to `show running-config` right afterwards. */
    readonly running: Readonly<Partial<Record<FrrDaemon, string>>>;
}

function recordPath(sandbox: Sandbox, namespace: string): string {
    return sandbox.path(`/run/frr/${namespace}/loaded.json`);
}

function readRecord(sandbox: Sandbox, namespace: string): LoadedRecord | undefined {
    try {
        return JSON.parse(readFileSync(recordPath(sandbox, namespace), "utf8")) ?? undefined;
    } catch {
        return undefined;
    }
}

/** While a configuration is being loaded there is no record, so that one that was cut off is found. */
function writeRecord(sandbox: Sandbox, namespace: string, record: LoadedRecord | undefined): void {
    const path = recordPath(sandbox, namespace);
    if (record || existsSync(path)) {
        writeFileSync(path, JSON.stringify(record ?? null));
    }
}

export function frrProcess(namespace: string, daemon: FrrDaemon): string {
    return `${daemon}.${namespace}`;
}

async function statusesOf(sandbox: Sandbox, namespace: string): Promise<ReadonlyMap<FrrDaemon, DaemonStatus>> {
    const { daemons } = await sandbox.call("daemons", {});
    const found = new Map(daemons.map((status) => [status.name, status]));
    return new Map(
        allDaemons.flatMap((daemon) => {
            const status = found.get(frrProcess(namespace, daemon));
            return status ? [[daemon, status] as const] : [];
        }),
    );
}

/** Daemons that run and take commands. */
async function answeringOf(
    sandbox: Sandbox,
    namespace: string,
    statuses: ReadonlyMap<FrrDaemon, DaemonStatus>,
): Promise<ReadonlySet<FrrDaemon>> {
    const running = allDaemons.filter((daemon) => statuses.get(daemon)?.running === true);
    const answers = await Promise.all(
        running.map((daemon) => withVty(sandbox, namespace, daemon, async () => [daemon]).catch((): FrrDaemon[] => [])),
    );
    return new Set(answers.flat());
}

/**
 * Starts what is not running, and stops what is not needed. What runs but does not answer (stopped, hanging, or its socket
 * removed) starts anew. Without zebra the others are of no use and start anew too.
 */
async function ensureDaemons(sandbox: Sandbox, spec: FrrSpec, daemons: readonly FrrDaemon[]): Promise<void> {
    const { namespace } = spec;
    const statuses = await statusesOf(sandbox, namespace);
    const answering = await answeringOf(sandbox, namespace, statuses);
    const isRunning = (daemon: FrrDaemon) => answering.has(daemon);
    const surplus = isRunning("zebra")
        ? allDaemons.filter((daemon) => !daemons.includes(daemon) || !isRunning(daemon))
        : allDaemons;
    await Promise.all(
        surplus
            .filter((daemon) => statuses.has(daemon))
            .map((daemon) =>
                sandbox.call("stopDaemon", { name: frrProcess(namespace, daemon), graceMilliseconds: grace }),
            ),
    );
    mkdirSync(sandbox.path(`/run/frr/${namespace}`), { recursive: true });
    const missing = daemons.filter((daemon) => !isRunning(daemon) || surplus.includes(daemon));
    if (missing.includes("zebra")) {
        await startDaemon(sandbox, spec, "zebra");
        await untilReady(sandbox, frrProcess(namespace, "zebra"), async () =>
            existsSync(sandbox.path(`/run/frr/${namespace}/zserv.api`)) ? true : undefined,
        );
    }
    await Promise.all(
        missing.filter((daemon) => daemon !== "zebra").map((daemon) => startDaemon(sandbox, spec, daemon)),
    );
}

/** A socket that a killed daemon left behind would look like a daemon that is ready: it goes first. */
async function startDaemon(
    sandbox: Sandbox,
    { namespace, listens = true }: Pick<FrrSpec, "namespace" | "listens">,
    daemon: FrrDaemon,
): Promise<void> {
    const leftovers = [vtyPath(namespace, daemon), ...(daemon === "zebra" ? [`/run/frr/${namespace}/zserv.api`] : [])];
    removeInside(sandbox, leftovers);
    const port = daemon === "bgpd" && !listens ? ["-p", "0"] : [];
    const argv = [executable(daemon), ...flags(namespace), ...port];
    await sandbox.call("startDaemon", {
        name: frrProcess(namespace, daemon),
        namespace,
        argv: hasVrfs(sandbox, namespace) ? amongVrfs(namespace, argv, daemon === "zebra") : argv,
    });
}

function removeInside(sandbox: Sandbox, paths: readonly string[]): void {
    for (const path of paths) {
        rmSync(sandbox.path(path), { force: true });
    }
}

function flags(namespace: string): readonly string[] {
    return ["-N", namespace, "-u", "root", "-g", "root", "-A", "127.0.0.1", "-P", "0", "-f", "/dev/null"];
}

async function openAll(sandbox: Sandbox, namespace: string, daemons: readonly FrrDaemon[]): Promise<Sessions> {
    const sessions = await Promise.all(
        daemons.map(async (daemon) => {
            const open = () => vty(sandbox, namespace, daemon);
            return [daemon, await untilReady(sandbox, frrProcess(namespace, daemon), open)] as const;
        }),
    );
    return new Map(sessions);
}

/** Asks all daemons at once. */
async function read<T>(sessions: Sessions, ask: (session: Vty) => Promise<T>): Promise<ReadonlyMap<FrrDaemon, T>> {
    const answers = await Promise.all(
        [...sessions].map(async ([daemon, session]) => [daemon, await ask(session)] as const),
    );
    return new Map(answers);
}

function select(sessions: Sessions, keep: (daemon: FrrDaemon) => boolean): Sessions {
    return new Map([...sessions].filter(([daemon]) => keep(daemon)));
}

/** Running configuration without the profile, and without a hostname that nobody asked for (FRR takes the kernel's). */
async function runningConfig(session: Vty, wanted: readonly Entry[]): Promise<readonly Entry[]> {
    const named = wanted.some(({ line }) => line.startsWith("hostname "));
    return parseConfig(await session.show("show running-config")).filter(
        ({ line }) => !line.startsWith("frr defaults ") && (named || !line.startsWith("hostname ")),
    );
}

/** Loads a configuration into empty daemons, zebra's part first. */
async function load(sessions: Sessions, wanted: readonly Entry[], what: string): Promise<void> {
    const refused: Refusal[] = [];
    for (const daemon of allDaemons) {
        const session = sessions.get(daemon);
        const batches = loadBatches(partOf(wanted, daemon));
        if (session && batches.length > 0) {
            refused.push(...refusals(daemon, await configure(session, batches)));
        }
    }
    if (refused.length > 0) {
        throw new Error(refusalMessage(what, refused));
    }
}

interface Refusal {
    readonly daemon: FrrDaemon;
    readonly command: string;
    readonly says: string;
}

/** Configures a daemon; each batch is sent when the one before is answered. */
async function configure(session: Vty, batches: readonly (readonly string[])[]): Promise<readonly VtyReply[]> {
    const replies: VtyReply[] = [];
    for (const batch of [["configure terminal"], ...batches, ["end"]]) {
        replies.push(...(await session.ask(batch)));
    }
    return replies;
}

function refusals(daemon: FrrDaemon, replies: readonly VtyReply[]): readonly Refusal[] {
    return replies
        .filter((reply) => !succeeded(reply))
        .map(({ command, output, code }) => ({ daemon, command, says: output.trim() || `return code ${code}` }));
}

/** The first refusals; those after a refused block header follow from it. */
function refusalMessage(what: string, refused: readonly Refusal[]): string {
    const shown = refused.slice(0, 5).map(({ daemon, command, says }) => `\n  ${daemon} refused "${command}": ${says}`);
    const more = refused.length > shown.length ? `\n  and ${refused.length - shown.length} more` : "";
    return `${what}: FRR does not take ${refused.length} of its lines; correct them${shown.join("")}${more}`;
}

interface Change {
    readonly namespace: string;
    readonly config: string;
    readonly wanted: readonly Entry[];
    readonly record: LoadedRecord | undefined;
    readonly sessions: Sessions;
}

async function change(sandbox: Sandbox, request: Change): Promise<void> {
    const goal = await normalForms(sandbox, request);
    const failed = await Promise.all(
        [...request.sessions].map(([daemon, session]) =>
            converge(daemon, session, goal.get(daemon) ?? [], request.wanted),
        ),
    );
    const problems = failed.flat();
    if (problems.length > 0) {
        throw new Error(`frr.conf of ${request.namespace} could not be applied live:\n  ${problems.join("\n  ")}`);
    }
}

/** Commands a daemon until its running configuration is the wanted one. Gives what still differs after all rounds. */
async function converge(
    daemon: FrrDaemon,
    session: Vty,
    goal: readonly Entry[],
    wanted: readonly Entry[],
): Promise<readonly string[]> {
    let refused: readonly Refusal[] = [];
    for (let round = 0; round < rounds; round++) {
        const running = await runningConfig(session, wanted);
        const commands = typed(diffConfig(running, goal, { strict: round > 0 }));
        if (commands.length === 0) {
            break;
        }
        refused = refusals(daemon, await configure(session, [commands]));
    }
    const rest = differences(await runningConfig(session, wanted), goal).map((line) => `${daemon}: ${line}`);
    return rest.length === 0
        ? []
        : [...rest, ...refused.map(({ command, says }) => `${daemon}: "${command}": ${says}`)];
}

/**
 * Changes everything but new limits on prefixes, where both are to change, and lets the peers' routes follow: a limit that
 * only fits behind a new filter would close the session while routes are still there that the filter is to take away.
 */
async function beforeLimits(sandbox: Sandbox, request: Change, running: readonly Entry[]): Promise<void> {
    const bgpd = request.sessions.get("bgpd");
    const now = partOf(request.wanted, "bgpd");
    const staged = withoutNewLimits(now, running);
    const hasNewLimits = formatConfig(staged) !== formatConfig(now);
    if (
        bgpd === undefined ||
        !hasNewLimits ||
        formatConfig(withoutNewLimits(running, [])) === formatConfig(withoutNewLimits(now, []))
    ) {
        return;
    }
    const wanted = withoutNewLimits(request.wanted, running);
    await change(sandbox, { ...request, wanted });
    await refreshRoutes(bgpd, wanted, true);
    await prefixesAtRest(bgpd, wanted);
}

function policies(config: readonly Entry[]): string {
    return formatConfig(policiesOf(config));
}

/** Where external sessions need a policy. */
function requirements(config: readonly Entry[]): string {
    return flatten(config)
        .filter((line) => line.endsWith("bgp ebgp-requires-policy"))
        .join("\n");
}

/**
 * Has the peers send their routes again (RFC 2918), which resets no session. FRR holds a changed list against what it
 * offers, but against what it has received only when that comes again (FRR bgpd/bgpd.c, peer_prefix_list_update).
 *
 * @param both whether routes are offered again, too, as they must be when a policy was or will be required
 */
async function refreshRoutes(bgpd: Vty, wanted: readonly Entry[], both = false): Promise<void> {
    for (const vrf of bgpVrfsOf(wanted)) {
        await bgpd.show(`clear bgp ${vrf === undefined ? "" : `vrf ${vrf} `}* soft${both ? "" : " in"}`);
    }
}

/**
 * What each daemon would print once the wanted configuration is loaded. Known from the last load for daemons whose part
 * did not change; otherwise scratch daemons in an empty namespace are asked.
 */
async function normalForms(sandbox: Sandbox, request: Change): Promise<Parts> {
    const { record, wanted, namespace } = request;
    const before = record ? parseConfig(record.config) : undefined;
    const forms = await Promise.allSettled(
        [...request.sessions.keys()].map(async (daemon) => {
            const part = partOf(wanted, daemon);
            const known = record?.running[daemon];
            const same = before !== undefined && formatConfig(partOf(before, daemon)) === formatConfig(part);
            const form =
                same && known !== undefined ? parseConfig(known) : await normalForm(sandbox, namespace, daemon, wanted);
            return [daemon, form] as const;
        }),
    );
    // All scratch daemons have ended by now, whichever of them refused something.
    return new Map(
        forms.map((form) => {
            if (form.status === "rejected") {
                throw form.reason;
            }
            return form.value;
        }),
    );
}

async function normalForm(
    sandbox: Sandbox,
    namespace: string,
    daemon: FrrDaemon,
    wanted: readonly Entry[],
): Promise<readonly Entry[]> {
    const scratch = `${namespace}_scratch`;
    const name = frrProcess(scratch, daemon);
    // One that a run cut off left behind.
    await sandbox.call("stopDaemon", { name, graceMilliseconds: 0 });
    mkdirSync(sandbox.path(`/run/frr/${scratch}`), { recursive: true });
    removeInside(sandbox, [vtyPath(scratch, daemon)]);
    await sandbox.call("startDaemon", {
        name,
        argv: [executable("unshare"), "-n", executable(daemon), ...flags(scratch)],
    });
    try {
        const session = await untilReady(sandbox, name, () => vty(sandbox, scratch, daemon));
        await load(new Map([[daemon, session]]), wanted, `frr.conf of ${namespace}`);
        const form = await runningConfig(session, wanted);
        session.close();
        return form;
    } finally {
        await sandbox.call("stopDaemon", { name, graceMilliseconds: 0 });
    }
}

import type { FrrDaemon } from "./vty";

/** One line of an FRR configuration, with the lines below it when it opens a block. */
export interface Entry {
    readonly line: string;
    /** Absent when the line opens no block. */
    readonly body?: readonly Entry[];
}

/** Lines that open a block at the top level. */
const blocks = /^(router |interface |vrf |route-map \S+ (permit|deny) |bfd$|nexthop-group |key chain |line vty)/;

/** Lines that open a block within a block. */
const innerBlocks = /^(address-family |vni |peer |profile )/;

/** Lines that say nothing about the configuration, or nothing that FRR decides: forwarding and namespaces are the fabric's. */
const silent =
    /^(!|#|end$|exit|netns |frr version |Building configuration|Current configuration|(no )?ip(v6)? forwarding$)/;

/**
 * Reads a configuration as FRR writes it: bodies of blocks are indented, blocks end with `exit` or where the
 * indentation ends. Comments, `frr version`, packet forwarding and VRFs of which nothing is said are left out.
 */
export function parseConfig(text: string): readonly Entry[] {
    const top: Entry[] = [];
    let open: { indent: number; body: Entry[] }[] = [];
    for (const raw of text.split("\n")) {
        const line = raw.trim().replace(/\s+/g, " ");
        const indent = raw.length - raw.trimStart().length;
        if (line.startsWith("exit-")) {
            open = open.slice(0, -1);
        }
        if (line === "" || silent.test(line)) {
            continue;
        }
        open = open.filter((block) => block.indent < indent);
        const body: Entry[] | undefined = (open.length === 0 ? blocks : innerBlocks).test(line) ? [] : undefined;
        (open.at(-1)?.body ?? top).push(body ? { line, body } : { line });
        if (body) {
            open.push({ indent, body });
        }
    }
    return top.filter(({ line, body }) => !(line.startsWith("vrf ") && body?.length === 0));
}

/** Text of a configuration in the form that {@link parseConfig} reads; equal configurations have equal text. */
export function formatConfig(entries: readonly Entry[], indent = ""): string {
    return entries
        .map(({ line, body }) => `${indent}${line}\n${body ? formatConfig(body, `${indent} `) : ""}`)
        .join("");
}

/** Every line with the lines it is under, e.g. `router bgp 65000 / address-family ipv4 unicast / maximum-paths 4`. */
export function flatten(entries: readonly Entry[], above = ""): readonly string[] {
    return entries.flatMap(({ line, body }) => {
        const path = `${above}${line}`;
        return body ? [path, ...flatten(body, `${path} / `)] : [path];
    });
}

/** Which daemons are told a top-level line; vtysh's division (FRR vtysh/vtysh.h) for the daemons that run here. */
const owners: readonly (readonly [RegExp, readonly FrrDaemon[]])[] = [
    [/^(frr|hostname|domainname|log|password|enable|service) /, ["zebra", "staticd", "bgpd", "bfdd"]],
    [/^debug bgp /, ["bgpd"]],
    [/^debug static /, ["staticd"]],
    [/^debug bfd /, ["bfdd"]],
    [/^(router bgp|bgp|ip (as-path|community-list|extcommunity-list|large-community-list)) /, ["bgpd"]],
    [/^(ip|ipv6) route /, ["staticd"]],
    [/^vrf /, ["zebra", "staticd"]],
    [/^bfd$/, ["bfdd"]],
    [/^line vty/, []],
];

/** Lists that route maps and neighbors refer to. */
const lists = /^(no )?(ip |ipv6 )?(prefix-list|access-list) /;

/** A line with which zebra filters what it installs. */
const zebraFilter = /^(?:ip|ipv6) (?:protocol|nht) .*route-map (\S+)$/;

/**
 * The part of a configuration that concerns one daemon. A line that nobody else knows is zebra's. zebra and bgpd know
 * different `set` and `match` lines: a route map goes to zebra if zebra uses it, else to bgpd.
 */
export function partOf(config: readonly Entry[], daemon: FrrDaemon): readonly Entry[] {
    const zebraMaps = new Set(config.flatMap(({ line }) => zebraFilter.exec(line)?.[1] ?? []));
    return config.flatMap((entry) => {
        if (!tellsWhom(entry.line, zebraMaps).includes(daemon)) {
            return [];
        }
        return entry.line.startsWith("vrf ") && entry.body
            ? [{ ...entry, body: vrfPart(entry.body, daemon) }]
            : [entry];
    });
}

function tellsWhom(line: string, zebraMaps: ReadonlySet<string>): readonly FrrDaemon[] {
    const positive = line.replace(/^no /, "");
    if (positive.startsWith("route-map ")) {
        return zebraMaps.has(positive.split(" ")[1] ?? "") ? ["zebra"] : ["bgpd"];
    }
    if (lists.test(positive)) {
        return zebraMaps.size > 0 ? ["zebra", "bgpd"] : ["bgpd"];
    }
    return owners.find(([pattern]) => pattern.test(positive))?.[1] ?? ["zebra"];
}

function vrfPart(body: readonly Entry[], daemon: FrrDaemon): readonly Entry[] {
    return body.filter(({ line }) => /^(no )?(ip|ipv6) route /.test(line) === (daemon === "staticd"));
}

/** Daemons that a configuration needs. zebra, staticd and bgpd always run: a change may need them the next moment. */
export function daemonsOf(config: readonly Entry[]): readonly FrrDaemon[] {
    const needsBfd = flatten(config).some((line) => /(^bfd$| bfd( |$))/.test(line));
    return needsBfd ? ["zebra", "staticd", "bfdd", "bgpd"] : ["zebra", "staticd", "bgpd"];
}

/** The profile of defaults a configuration asks for, which FRR applies only to what is configured afterwards. */
export function profileOf(config: readonly Entry[]): string {
    const line = config.find((entry) => entry.line.startsWith("frr defaults "))?.line;
    return line?.slice("frr defaults ".length) ?? "traditional";
}

/** Filters are defined before they are used: FRR denies what an undefined prefix list or route map would decide. */
const filters = /^(no )?((ip |ipv6 )?(prefix-list|access-list)|route-map|bgp (as-path|(ext|large-)?community-list)) /;

/** Prefix lists, route maps and other lists that decide about routes. */
export function policiesOf(config: readonly Entry[]): readonly Entry[] {
    return config.filter(({ line }) => filters.test(line));
}

/** VRFs with a BGP router; undefined stands for the default one. */
export function bgpVrfsOf(config: readonly Entry[]): readonly (string | undefined)[] {
    return config.flatMap(({ line }) => {
        const router = /^router bgp \d+(?: vrf (\S+))?/.exec(line);
        return router ? [router[1]] : [];
    });
}

/** The line of a peer or peer group that may start its sessions at once. */
const starters = /^neighbor (\S+) timers connect /;

/**
 * Commands that load a configuration into a daemon that has none, in batches to be sent one after the other's answers.
 *
 * All but the first batch start sessions. A new peer waits for FRR's start timer of one second (BGP_INIT_START_TIMER),
 * but `timers connect` starts a peer at once while it has no address family; once it has one, the same line stops it
 * first, which cancels the start (FRR bgpd/bgpd.c, peer_timers_connect_set; bgpd/bgp_fsm.c, bgp_stop). So that line and
 * the peer's `activate` come last, together: short enough for bgpd to read in one go, so that the session knows its
 * families when it opens.
 */
export function loadBatches(config: readonly Entry[]): readonly (readonly string[])[] {
    const first = config.filter(({ line }) => /^frr /.test(line));
    const early = config.filter(({ line }) => filters.test(line));
    const rest = config.filter((entry) => !first.includes(entry) && !early.includes(entry));
    const split = rest.map((entry) => (isHeldBack(entry) ? holdBack(entry) : { now: entry, later: [] }));
    const main = [...first, ...early, ...split.map(({ now }) => now)].flatMap(commandsOf);
    return [main, ...split.flatMap(({ later }) => later)].filter((batch) => batch.length > 0);
}

/** Only where no family is active by default can a session be configured before it has one. */
function isHeldBack({ line, body }: Entry): boolean {
    return line.startsWith("router bgp ") && (body ?? []).some((inner) => inner.line === "no bgp default ipv4-unicast");
}

/** A BGP router without the lines that start its sessions, and those lines, peer by peer. */
function holdBack(router: Entry): { readonly now: Entry; readonly later: readonly (readonly string[])[] } {
    const body = router.body ?? [];
    const starts = new Map(body.flatMap(({ line }) => (starters.test(line) ? [[line.split(" ")[1] ?? "", line]] : [])));
    const activates = (line: string) => starts.has(/^neighbor (\S+) activate$/.exec(line)?.[1] ?? "");
    const quiet = body
        .filter(({ line }) => !starters.test(line))
        .map((inner) => (inner.body ? { ...inner, body: inner.body.filter(({ line }) => !activates(line)) } : inner));
    const later = [...starts].map(([peer, line]) => [
        router.line,
        line,
        ...body
            .filter((family) => family.body?.some((inner) => inner.line === `neighbor ${peer} activate`))
            .flatMap((family) => [family.line, `neighbor ${peer} activate`, "exit"]),
        "exit",
    ]);
    return { now: { ...router, body: quiet }, later };
}

function commandsOf({ line, body }: Entry): readonly string[] {
    return body ? [line, ...body.flatMap(commandsOf), "exit"] : [line];
}

/** A command within the blocks it belongs to. */
export interface Command {
    /** Lines that open the blocks, outermost first. */
    readonly within: readonly string[];
    readonly text: string;
}

/**
 * Settings with one value: a new value takes the place of the old one, so that the old need not be removed first (which
 * may reset sessions or delete the peer). The match, with its groups joined, names the setting.
 */
const settings: readonly RegExp[] = [
    /^(hostname|frr defaults|description) /,
    /^(ip(?:v6)? prefix-list \S+ (?:seq \d+|description)) /,
    /^(bgp (?:router-id|cluster-id|default local-preference|confederation identifier|route-map delay-timer)) /,
    /^(bgp graceful-restart (?:restart-time|stalepath-time|select-defer-time|rib-stale-time)) /,
    /^(timers bgp|coalesce-time|update-delay|distance bgp|maximum-paths ibgp) /,
    /^(maximum-paths) \d/,
    /^(neighbor \S+ (?:remote-as|description|update-source|ebgp-multihop|password|local-as|ttl-security hops)) /,
    /^(neighbor \S+ (?:timers connect|advertisement-interval|allowas-in|weight|maximum-prefix|port)) /,
    /^(neighbor \S+ timers) \d/,
    /^(neighbor \S+ (?:prefix-list|route-map|filter-list|distribute-list)) \S+ (in|out)$/,
    /^(redistribute \S+|network \S+)(?: |$)/,
    /^(set (?:(?:ip|ipv6|as-path|comm-list) )?\S+) /,
    /^(match (?:(?:ip|ipv6) )?\S+(?: prefix-list)?) /,
];

function settingOf(line: string): string | undefined {
    for (const pattern of settings) {
        const found = pattern.exec(line);
        if (found) {
            return found.slice(1).join(" ");
        }
    }
    return undefined;
}

/** What to do with a difference. */
export interface DiffOptions {
    /** Remove old values before new ones are set: for settings that did not take the new value otherwise. */
    readonly strict: boolean;
}

/**
 * Commands that turn a running configuration into the wanted one; both as the daemon itself prints them. What is equal
 * is not touched. New filters and routes come before old ones go, so that nothing is denied or unreachable in between.
 */
export function diffConfig(running: readonly Entry[], wanted: readonly Entry[], options: DiffOptions): Command[] {
    const removed = running.filter((entry) => !wanted.some((other) => other.line === entry.line));
    const keepUntilLast = (line: string) => filters.test(line) || /^(ip|ipv6) route /.test(line);
    return [
        ...removals(removed, wanted, options, (line) => !keepUntilLast(line)),
        ...loadOrder(wanted).flatMap((entry) => additions(running, entry, options)),
        ...removals(removed, wanted, options, keepUntilLast),
    ];
}

function loadOrder(entries: readonly Entry[]): readonly Entry[] {
    return [...entries.filter(({ line }) => filters.test(line)), ...entries.filter(({ line }) => !filters.test(line))];
}

function removals(
    removed: readonly Entry[],
    wanted: readonly Entry[],
    options: DiffOptions,
    select: (line: string) => boolean,
): Command[] {
    return removed
        .filter(({ line }) => select(line) && (options.strict || !isReplaced(line, wanted)))
        .flatMap((entry) => removalOf(entry));
}

function removalOf(entry: Entry): Command[] {
    if (/^(interface|vrf) /.test(entry.line) && entry.body) {
        const inner = entry.body.map(({ line }) => ({ within: [entry.line], text: negate(line) }));
        return [...inner, { within: [], text: negate(entry.line) }];
    }
    return [{ within: [], text: negate(entry.line) }];
}

/** Whether a wanted line gives the same setting another value. */
function isReplaced(line: string, wanted: readonly Entry[]): boolean {
    const setting = settingOf(line);
    return setting !== undefined && wanted.some((entry) => entry.line !== line && settingOf(entry.line) === setting);
}

function additions(running: readonly Entry[], entry: Entry, options: DiffOptions): Command[] {
    const now = running.find(({ line }) => line === entry.line);
    if (!entry.body) {
        return now ? [] : [{ within: [], text: entry.line }];
    }
    const diff = entry.line.startsWith("router bgp ") ? diffBgp : diffBlock;
    const inner = diff(now?.body ?? [], entry.body, options);
    return now || inner.length > 0 ? inside(entry.line, inner) : [{ within: [], text: entry.line }];
}

function inside(line: string, commands: readonly Command[]): Command[] {
    return commands.map(({ within, text }) => ({ within: [line, ...within], text }));
}

function diffBlock(running: readonly Entry[], wanted: readonly Entry[], options: DiffOptions): Command[] {
    const removed = running.filter((entry) => !wanted.some((other) => other.line === entry.line));
    const old = removed.filter(({ line }) => options.strict || !isReplaced(line, wanted));
    return [
        ...old.flatMap((entry) => blockRemoval(entry)),
        ...wanted.flatMap((entry) => additions(running, entry, options)),
    ];
}

/** An address family is part of its router and cannot be removed; other blocks can. */
function blockRemoval(entry: Entry): Command[] {
    if (entry.body && entry.line.startsWith("address-family ")) {
        return inside(
            entry.line,
            entry.body.map(({ line }) => ({ within: [], text: negate(line) })),
        );
    }
    return [{ within: [], text: negate(entry.line) }];
}

/** Differences within `router bgp`: neighbors are removed and made as a whole. */
function diffBgp(running: readonly Entry[], wanted: readonly Entry[], options: DiffOptions): Command[] {
    const gone = departures(running, wanted);
    const rest = withoutNeighbors(running, new Set(gone.keys()));
    const changes = diffBlock(rest, wanted, options);
    // A session that may start at once (a new peer without a default family) gets its families first.
    const late = changes.filter(({ within, text }) => within.length === 0 && starters.test(text));
    return [
        ...[...gone.values()].map((text) => ({ within: [], text })),
        ...changes.filter((command) => !late.includes(command)),
        ...late,
    ];
}

/**
 * Neighbors and peer groups that go, or that FRR cannot change in place, each with the command that removes it. A
 * neighbor changes in place unless it moves to another peer group; a peer group unless it begins or ceases to name the
 * remote AS, which deletes its members (FRR bgpd/bgpd.c, peer_group_remote_as_delete).
 */
function departures(running: readonly Entry[], wanted: readonly Entry[]): ReadonlyMap<string, string> {
    const now = neighborsOf(running);
    const then = neighborsOf(wanted);
    const gone = new Map<string, string>();
    for (const [name, peer] of now) {
        const next = then.get(name);
        const rebuilt = next && (next.group !== peer.group || (peer.isGroup && next.hasRemoteAs !== peer.hasRemoteAs));
        if (!next || rebuilt || next.isGroup !== peer.isGroup) {
            gone.set(name, peer.removal);
        }
    }
    for (const [name, peer] of now) {
        if (peer.group !== undefined && gone.has(peer.group)) {
            gone.set(name, peer.removal);
        }
    }
    // Members first: a group takes its members along, and removing them again would be refused.
    return new Map([...gone].sort(([a], [b]) => Number(now.get(a)?.isGroup) - Number(now.get(b)?.isGroup)));
}

interface NeighborShape {
    readonly isGroup: boolean;
    readonly group?: string;
    readonly hasRemoteAs: boolean;
    readonly removal: string;
}

function neighborsOf(body: readonly Entry[]): ReadonlyMap<string, NeighborShape> {
    const lines = new Map<string, string[]>();
    for (const { line } of body) {
        const [, name, setting] = /^neighbor (\S+) (.*)$/.exec(line) ?? [];
        if (name !== undefined && setting !== undefined) {
            lines.set(name, [...(lines.get(name) ?? []), setting]);
        }
    }
    return new Map([...lines].map(([name, own]) => [name, shapeOf(name, own)]));
}

function shapeOf(name: string, lines: readonly string[]): NeighborShape {
    const isGroup = lines.includes("peer-group");
    const suffix = isGroup ? " peer-group" : lines.some((line) => line.startsWith("interface")) ? " interface" : "";
    return {
        isGroup,
        group: lines.map((line) => /peer-group (\S+)$/.exec(line)?.[1]).find((group) => group !== undefined),
        hasRemoteAs: lines.some((line) => line.startsWith("remote-as ")),
        removal: `no neighbor ${name}${suffix}`,
    };
}

function withoutNeighbors(body: readonly Entry[], names: ReadonlySet<string>): readonly Entry[] {
    return body
        .filter(({ line }) => !names.has(/^(?:no )?neighbor (\S+) /.exec(line)?.[1] ?? ""))
        .map((entry) => (entry.body ? { ...entry, body: withoutNeighbors(entry.body, names) } : entry));
}

/** The command that takes a line back. */
export function negate(line: string): string {
    return line.startsWith("no ") ? line.slice(3) : `no ${line}`;
}

/** Commands as they are typed, entering and leaving blocks as needed. */
export function typed(commands: readonly Command[]): readonly string[] {
    const lines: string[] = [];
    let open: readonly string[] = [];
    for (const { within, text } of commands) {
        const common = within.findIndex((line, i) => open[i] !== line);
        const shared = common < 0 ? within.length : common;
        lines.push(...open.slice(shared).map(() => "exit"), ...within.slice(shared), text);
        open = within;
    }
    return [...lines, ...open.map(() => "exit")];
}

/** Differences in words, one line each; empty when the configurations are equal. */
export function differences(running: readonly Entry[], wanted: readonly Entry[]): readonly string[] {
    const now = flatten(running);
    const then = flatten(wanted);
    const missing = then.filter((line) => !now.includes(line)).map((line) => `missing: ${line}`);
    const foreign = now.filter((line) => !then.includes(line)).map((line) => `not wanted: ${line}`);
    return [...missing, ...foreign];
}

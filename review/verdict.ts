/** A review in one line, as a network engineer would say it. */

import { newsOf } from "./news";
import { deviceSettings } from "./outline";
import type {
    DeviceChange,
    FailureChange,
    FieldChange,
    NetworkChange,
    Review,
    RouteEffect,
    SessionChange,
} from "./review";
import { differentNetworks, networksText, type RouteGroup, routeGroups } from "./route-groups";
import { appliedText, type Fate, fateOf, sessionsInShort, splitFields } from "./session-groups";
import { count, distinct, fieldsText, grouped, listed, verb } from "./wording";

/** Most characters that settings of devices take. */
const mostOfSettings = 120;

/** More clauses than these do not fit a line; what is left out stands in the parts. */
const mostClauses = 5;

/** What the change does, the worst first; one sentence without its full stop. */
export function verdict(review: Review): string {
    return clausesOf(review).slice(0, mostClauses).join("; ");
}

function clausesOf(review: Review): readonly string[] {
    switch (review.kind) {
        case "unchanged":
            return ["nothing changes"];
        case "removed":
            return [`the stack goes: ${inventory(review)}`];
        case "new":
            return [`the stack is new: ${inventory(review)}`];
        default:
            return changed(review);
    }
}

/** What a stack has that comes or goes as a whole. */
function inventory({ devices, sessions, services }: Review): string {
    const of = (wanted: DeviceChange["role"]) => devices.filter(({ role }) => role === wanted).length;
    return [
        count(of("router"), "router"),
        ...(of("Pod") === 0 ? [] : [count(of("Pod"), "forwarding Pod")]),
        count(of("node"), "node"),
        count(sessions.length, "session"),
        count(services.length, "service"),
    ].join(", ");
}

function changed(review: Review): readonly string[] {
    const clauses = [
        ...forbidden(review),
        ...(review.kind === "repaired" ? ["no error forbids the lab any more"] : []),
        ...(review.unpredicted === undefined ? [] : [`not predicted: ${review.unpredicted}`]),
        ...cutOff(review),
        ...departures(review),
        ...withdrawn(review),
        ...sessionsLost(review),
        ...widths(review, "lost"),
        ...widths(review, "narrower"),
        ...singlePoints(review),
        ...readdressed(review),
        ...sessionsChanged(review),
        ...interrupted(review),
        ...settings(review),
        ...arrivals(review),
        ...widths(review, "wider"),
        ...together(review, "gained"),
        ...together(review, "moved"),
        ...together(review, "path"),
        ...others(review),
    ];
    return [...(clauses.length === 0 ? rest(review) : clauses), ...warned(review), ...calm(review)];
}

function forbidden({ findings, kind }: Review): readonly string[] {
    const [first, ...more] = newsOf(findings).errors;
    if (first === undefined) {
        return kind === "refused" ? ["refused as before"] : [];
    }
    const rest = more.length === 0 ? "" : ` (and ${count(more.length, "more error")})`;
    return [`${kind === "refused" ? "refused: " : ""}${gist(first.says)}${rest}`];
}

function warned({ findings }: Review): readonly string[] {
    const { warnings } = newsOf(findings);
    const [first, ...more] = warnings;
    if (first === undefined) {
        return [];
    }
    const ids = distinct(warnings.map(({ id }) => id));
    return [
        more.length === 0 ? `new warning: ${gist(first.says)}` : `${warnings.length} new warnings (${listed(ids, 3)})`,
    ];
}

/** A message without what follows its main clause; all of it where that is no clause. */
function gist(says: string): string {
    const [clause = ""] = says.split(/[:;] /, 1);
    return clause.includes(" ") ? clause : says;
}

/** Who no longer reaches what while everything works. */
function cutOff({ services }: Review): readonly string[] {
    const lost = services.filter(({ effect }) => effect === "lost");
    if (lost.length === 0) {
        return [];
    }
    const from = distinct(lost.flatMap(({ reach }) => reach.map((pair) => pair.from)));
    const names = lost.map(({ name }) => name);
    return [`${listed(names, 3)} ${verb(names.length, "is", "are")} no longer reached from ${listed(from, 3)}`];
}

/** Devices that go, with what goes with them. */
function departures(review: Review): readonly string[] {
    const gone = passing(review, "removed");
    const ended = withFate(review, "goes").filter((session) => touches(session, gone));
    const it = verb(gone.length, "it", "them");
    const withIt = ended.length === 0 ? "" : `, and with ${it} ${count(ended.length, "session")}`;
    return gone.length === 0 ? [] : [`${listed(gone)} ${verb(gone.length, "goes", "go")}${withIt}`];
}

/** Services, and pods that are no part of one, that go. */
function withdrawn({ services }: Review): readonly string[] {
    const names = services.filter(({ effect }) => effect === "gone").map(({ name }) => name);
    return names.length === 0 ? [] : [`${listed(names, 3)} ${verb(names.length, "goes", "go")}`];
}

function passing({ devices }: Review, wanted: "added" | "removed"): readonly string[] {
    return devices.filter(({ kind }) => kind === wanted).map(({ device }) => device);
}

function withFate({ sessions }: Review, fate: Fate): readonly SessionChange[] {
    return sessions.filter((change) => fateOf(change) === fate);
}

function touches({ local, remote }: SessionChange, devices: readonly string[]): boolean {
    return devices.includes(local.device) || devices.includes(remote.device);
}

function arrivals(review: Review): readonly string[] {
    const come = passing(review, "added");
    const fresh = withFate(review, "comes");
    const own = fresh.filter((session) => touches(session, come));
    const asked = review.services.filter(({ effect }) => effect === "new" || effect === "gained");
    const withIt = own.length === 0 ? "" : ` with ${count(own.length, "session")}`;
    return [
        ...(come.length === 0 ? [] : [`${listed(come)} ${verb(come.length, "comes", "come")}${withIt}`]),
        ...sessionClause(
            fresh.filter((session) => !own.includes(session)),
            "comes",
            "come",
        ),
        ...sessionClause(withFate(review, "comes up"), "comes up", "come up"),
        ...(asked.length === 0
            ? []
            : [`${listed(asked.map(({ name }) => name))} ${verb(asked.length, "is", "are")} reached now`]),
    ];
}

/** Sessions that go without a device, go down, or never come up. */
function sessionsLost(review: Review): readonly string[] {
    const gone = passing(review, "removed");
    return [
        ...sessionClause(withFate(review, "goes down"), "goes down", "go down"),
        ...sessionClause(withFate(review, "stays down"), "does not come up", "do not come up"),
        ...sessionClause(
            withFate(review, "goes").filter((session) => !touches(session, gone)),
            "goes",
            "go",
        ),
    ];
}

function sessionClause(sessions: readonly SessionChange[], one: string, many: string): readonly string[] {
    return sessions.length === 0 ? [] : [`${sessionsInShort(sessions)} ${verb(sessions.length, one, many)}`];
}

/** Sessions that stay, by what differs, at whichever of their ends; first those that are reset. */
function sessionsChanged({ sessions, networks }: Review): readonly string[] {
    const staying = sessions.filter((change) => fateOf(change) === "changes");
    const alike = grouped(staying, (change) => JSON.stringify([change.applied, settingsText(change)]));
    const rank = ([first]: readonly SessionChange[]) => ["reset", "next session", undefined].indexOf(first!.applied);
    const kinds = grouped(
        alike.toSorted((a, b) => rank(a) - rank(b)),
        ([first]) => JSON.stringify([first!.applied, settingNames(first!)]),
    );
    return kinds.flatMap((groups) =>
        groups.length > mostAlike ? [kindClause(groups.flat())] : groups.map((group) => changeClause(group, networks)),
    );
}

/** Of more changes of the same settings to different values only the settings are named, e.g. where each node has its AS. */
const mostAlike = 2;

function kindClause(sessions: readonly SessionChange[]): string {
    const [first] = sessions as [SessionChange];
    return changedAt(`other ${listed(settingNames(first))}`, sessions);
}

/** What differs, by name. */
function settingNames(change: SessionChange): readonly string[] {
    return distinct(splitFields(localised(change)).settings.map(({ field }) => field));
}

/** What differs, where, and what becomes of the sessions. */
function changedAt(what: string, sessions: readonly SessionChange[]): string {
    const { applied } = sessions[0]!;
    const places = distinct(sessions.flatMap(placesOf));
    const number = sessionsInShort(sessions);
    const where = places.length === 0 ? ` on ${number}` : ` at ${listed(places, 3)}`;
    if (applied === "reset" && places.length > 0) {
        return `${what}${where}, which resets ${number}`;
    }
    return `${what}${where}${appliedText(applied, sessions.length)}`;
}

/** Whether anybody notices that sessions are reset. */
function interrupted({ interruption }: Review): readonly string[] {
    if (interruption === undefined) {
        return [];
    }
    const names = distinct(interruption.lost.map(({ name }) => name));
    return names.length === 0
        ? ["meanwhile nobody is cut off"]
        : [`meanwhile ${listed(names, 3)} ${verb(names.length, "is", "are")} cut off`];
}

function changeClause(sessions: readonly SessionChange[], networks: readonly NetworkChange[]): string {
    const [first] = sessions as [SessionChange];
    const settings = settingsText(first);
    if (settings !== "") {
        return changedAt(settings, sessions);
    }
    const number = sessionsInShort(sessions);
    const { own } = splitFields(localised(first));
    const links = renumbered(networks).filter(isSegment);
    return first.applied === "reset" && links.length > 0
        ? `${listed(links, 3)} ${verb(links.length, "is", "are")} renumbered, which resets ${number}`
        : `${number} ${verb(sessions.length, "gets", "get")} ${listed(own)}${appliedText(first.applied, sessions.length)}`;
}

/** What differs, wherever. */
function settingsText(change: SessionChange): string {
    const { settings } = splitFields(localised(change));
    return distinct(settings.map((setting) => fieldsText([setting]))).join(", ");
}

/** The fields of a session without the names of its ends. */
function localised({ fields, local, remote }: SessionChange): readonly FieldChange[] {
    const names = [local, remote].map(({ device }) => ` of ${device}`);
    return fields.map((change) => {
        const place = names.find((name) => change.field.endsWith(name)) ?? "";
        return { ...change, field: change.field.slice(0, change.field.length - place.length) };
    });
}

/** Devices whose own settings differ. */
function placesOf({ fields, local, remote }: SessionChange): readonly string[] {
    return [local, remote]
        .map(({ device }) => device)
        .filter((device) => fields.some(({ field }) => field.endsWith(` of ${device}`)));
}

function singlePoints({ failures }: Review): readonly string[] {
    const worse = failures.filter(({ effect }) => effect === "worse");
    const points = worse.filter(({ harmlessBefore, fault }) => harmlessBefore === true && fault.startsWith(nodeFault));
    const restless = unrestClause(worse.filter(({ unrest }) => unrest !== undefined));
    if (points.length > 0) {
        const names = points.map(({ fault }) => fault.slice(nodeFault.length));
        const what = verb(names.length, "becomes a single point of failure", "become single points of failure");
        return [`${listed(names)} ${what}`, ...restless];
    }
    const number = count(worse.length, "single fault");
    return [
        ...(worse.length === 0 ? [] : [`${number} ${verb(worse.length, "takes more with it", "take more with them")}`]),
        ...restless,
    ];
}

/** How the fault that takes a whole device is called. */
const nodeFault = "node:";

function unrestClause(restless: readonly FailureChange[]): readonly string[] {
    const faults = restless.map(({ fault }) => fault);
    return faults.length === 0 ? [] : [`routing no longer comes to rest under ${listed(faults, 2)}`];
}

/** Routes with an effect, by how many next hops they have. */
function widths(review: Review, effect: RouteEffect): readonly string[] {
    return routeGroups(review)
        .filter((group) => group.effect === effect)
        .map(widthClause);
}

function widthClause(group: RouteGroup): string {
    const { effect, places, before, after } = group;
    const networks = networksText(group);
    const who = listed(places, 3);
    if (effect === "lost") {
        return `${who} ${verb(places.length, "loses", "lose")} ${networks}`;
    }
    return before - after === 1
        ? `${who} ${verb(places.length, "loses", "lose")} one of ${spelled(before)} equal paths to ${networks}`
        : `${who} ${verb(places.length, "goes", "go")} from ${before} to ${after} next hops to ${networks}`;
}

function spelled(number: number): string {
    return ["no", "one", "two", "three", "four"][number] ?? String(number);
}

/** Routes with an effect that harms nobody, as one clause. */
function together(review: Review, wanted: "gained" | "moved" | "path"): readonly string[] {
    const group = routeGroups(review).find(({ effect }) => effect === wanted);
    if (group === undefined) {
        return [];
    }
    const { places } = group;
    const networks = networksText(group);
    const who = listed(places, 3);
    switch (wanted) {
        case "gained":
            return [`${who} ${verb(places.length, "learns", "learn")} ${differentNetworks(group)}`];
        case "moved":
            return [`${who} ${verb(places.length, "reaches", "reach")} ${networks} by other next hops`];
        case "path":
            return [
                `${who} ${verb(places.length, "reaches", "reach")} ${networks} by another AS path, over the same next hops`,
            ];
    }
}

/** Services that have other addresses. */
function readdressed({ services }: Review): readonly string[] {
    return services
        .filter(({ effect }) => effect === "moved" || effect === "lost")
        .flatMap(({ name, fields }) => {
            const change = fields.find(({ field }) => field === "addresses");
            return change === undefined ? [] : [`${name} moves from ${change.before} to ${change.after}`];
        })
        .slice(0, 2);
}

/** What differs at devices themselves, where it is little enough to say. */
function settings(review: Review): readonly string[] {
    const told = deviceSettings(review).filter((text) => text.length <= mostOfSettings);
    return told.length > 2 ? [] : told;
}

/** What is said beside sessions and routes: networks and versions, or else only how much changes. */
function others(review: Review): readonly string[] {
    const { networks, programs, sessions } = review;
    // Who has another address is told that its link is renumbered.
    const isTold = sessions.some(({ fields }) =>
        fields.some(({ field }) => /^(address|BGP identifier) of /.test(field)),
    );
    const changed = renumbered(networks).filter((name) => !(isTold && isSegment(name)));
    const versions = programs.filter(({ field }) => field.endsWith(" version"));
    return [
        ...(changed.length === 0 ? [] : [`${listed(changed, 3)} ${verb(changed.length, "is", "are")} renumbered`]),
        ...(versions.length === 0 ? [] : [fieldsText(versions.slice(0, 3))]),
    ];
}

/** What else there is when nothing above has anything to say. */
function rest({ services, devices, networks, programs, configurations }: Review): readonly string[] {
    if (services.length + devices.length + networks.length === 0 && programs.length === 1) {
        return [fieldsText(programs)];
    }
    const numbers = [
        [services.length, "service"],
        [devices.length, "device"],
        [networks.length, "network"],
        [programs.length, "setting of programs", "settings of programs"],
        [configurations.length, "file"],
    ] as const;
    const told = numbers.filter(([number]) => number > 0).map(([number, noun, many]) => count(number, noun, many));
    const [first] = numbers.filter(([number]) => number > 0);
    const isOne = told.length === 1 && first![0] === 1;
    return told.length === 0 ? [] : [`${listed(told, 5)} ${isOne ? "changes" : "change"}`];
}

/** That routing stays as it is. Predictions are of the plan, and know nothing of files that another code writes for it. */
function calm(review: Review): readonly string[] {
    const { sessions, routes, unpredicted, kind } = review;
    if (routes.length > 0 || unpredicted !== undefined || kind === "refused") {
        return [];
    }
    if (isOnlyWritten(review)) {
        return ["the plan of the lab does not, so what that does to sessions and routes is not predicted"];
    }
    return [sessions.length === 0 ? "no session and no route changes" : "no route changes"];
}

/** Whether the same lab is written down otherwise. */
function isOnlyWritten({ configurations, ...review }: Review): boolean {
    const { services, failures, sessions, routes, devices, networks, programs } = review;
    const planned = [services, failures, sessions, routes, devices, networks, programs];
    return configurations.length > 0 && planned.every((list) => list.length === 0);
}

/** Whether an entry of the address plan is a link or bridge, on which sessions have their addresses. */
function isSegment(name: string): boolean {
    return /^(link|bridge) /.test(name);
}

/** Segments and pools that have other networks. */
function renumbered(networks: readonly NetworkChange[]): readonly string[] {
    return networks.filter(({ kind }) => kind === "changed").map(({ name }) => name);
}

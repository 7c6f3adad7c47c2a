/** A review in one line, as a network engineer would say it. */

import { newsOf } from "./news";
import type { FailureChange, FieldChange, Review, RouteEffect, SessionChange } from "./review";
import { differentNetworks, networksText, type RouteGroup, routeGroups } from "./route-groups";
import { appliedText, type Fate, fateOf, sessionsInShort, splitFields } from "./session-groups";
import { count, distinct, fieldsText, grouped, listed, verb } from "./wording";

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
            return ["the stack goes"];
        case "new":
            return ["the stack is new", ...forbidden(review)];
        default:
            return changed(review);
    }
}

function changed(review: Review): readonly string[] {
    const clauses = [
        ...forbidden(review),
        ...(review.kind === "repaired" ? ["no error forbids the lab any more"] : []),
        ...cutOff(review),
        ...departures(review),
        ...sessionsLost(review),
        ...widths(review, "lost"),
        ...widths(review, "narrower"),
        ...singlePoints(review),
        ...sessionsChanged(review),
        ...arrivals(review),
        ...widths(review, "wider"),
        ...together(review, "gained"),
        ...together(review, "moved"),
        ...together(review, "path"),
        ...others(review),
    ];
    return [...clauses, ...warned(review), ...calm(review)];
}

function forbidden({ findings, kind }: Review): readonly string[] {
    const [first, ...more] = newsOf(findings).errors;
    if (first === undefined) {
        return kind === "refused" ? ["refused as before"] : [];
    }
    const rest = more.length === 0 ? "" : ` (and ${count(more.length, "more error")})`;
    return [`${kind === "refused" ? "refused: " : ""}${first.says}${rest}`];
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

/** A message without what follows its main clause. */
function gist(says: string): string {
    return says.split(/[:;] /, 1)[0]!;
}

/** Who no longer reaches what while everything works. */
function cutOff({ services }: Review): readonly string[] {
    const lost = services.filter(({ effect }) => effect === "lost");
    if (lost.length === 0) {
        return [];
    }
    const from = distinct(lost.flatMap(({ reach }) => reach.map((pair) => pair.from)));
    const names = lost.map(({ name }) => name);
    return [`${listed(from, 3)} no longer ${verb(from.length, "reaches", "reach")} ${listed(names, 3)}`];
}

/** Devices that go, with what goes with them. */
function departures(review: Review): readonly string[] {
    const gone = passing(review, "removed");
    const ended = withFate(review, "goes").filter((session) => touches(session, gone));
    const it = verb(gone.length, "it", "them");
    const withIt = ended.length === 0 ? "" : `, and with ${it} ${count(ended.length, "session")}`;
    return gone.length === 0 ? [] : [`${listed(gone)} ${verb(gone.length, "goes", "go")}${withIt}`];
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
function sessionsChanged({ sessions }: Review): readonly string[] {
    const staying = sessions.filter((change) => fateOf(change) === "changes");
    const alike = grouped(staying, (change) => JSON.stringify([change.applied, settingsText(change)]));
    const rank = ([first]: readonly SessionChange[]) => ["reset", "next session", undefined].indexOf(first!.applied);
    return alike.toSorted((a, b) => rank(a) - rank(b)).map(changeClause);
}

function changeClause(sessions: readonly SessionChange[]): string {
    const [first] = sessions as [SessionChange];
    const places = distinct(sessions.flatMap(placesOf));
    const number = sessionsInShort(sessions);
    const settings = settingsText(first);
    const own = splitFields(localised(first)).own;
    if (settings === "") {
        const what = listed(own);
        return `${number} ${verb(sessions.length, "gets", "get")} ${what}${appliedText(first.applied, sessions.length)}`;
    }
    const where = places.length === 0 ? ` on ${number}` : ` at ${listed(places, 3)}`;
    if (first.applied === "reset" && places.length > 0) {
        return `${settings}${where}, which resets ${number}`;
    }
    return `${settings}${where}${appliedText(first.applied, sessions.length)}`;
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
        ...(worse.length === 0 ? [] : [`${number} ${verb(worse.length, "takes", "take")} more with it`]),
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

/** What is said of the rest when sessions say nothing. */
function others({ networks, programs, sessions, configurations }: Review): readonly string[] {
    const renumbered = networks.filter(({ kind }) => kind === "changed").map(({ name }) => name);
    const silent = sessions.length + networks.length + programs.length === 0;
    return [
        ...(renumbered.length === 0
            ? []
            : [`${listed(renumbered, 3)} ${verb(renumbered.length, "gets", "get")} other networks`]),
        ...(programs.length === 0
            ? []
            : [`${count(programs.length, "version")} ${verb(programs.length, "changes", "change")}`]),
        ...(!silent || configurations.length === 0
            ? []
            : [`${count(configurations.length, "configuration")} ${verb(configurations.length, "changes", "change")}`]),
    ];
}

/** That routing stays as it is. */
function calm({ sessions, routes, unpredicted, kind }: Review): readonly string[] {
    if (routes.length > 0 || unpredicted !== undefined || kind === "refused") {
        return [];
    }
    return [sessions.length === 0 ? "no session and no route changes" : "no route changes"];
}

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import type { Lab, Router } from "../../lab/model";
import { vyosSeries } from "../../lab/vyos";
import { frrConf } from "../../render/frr";
import { vyosConfigBoot, vyosInterfaceNames, vyosSetCommands } from "../../render/vyos";
import { withTopologies } from "../../stacks";
import { judge, unavailable } from "./frr-daemon";
import { everything } from "./nos-labs";

/** Folder with `python` and, by series, `vyos-1x` with its caches and `libvyosconfig.so`. */
const runtime = process.env.BGP_LAB_VYOS_RUNTIME;

const missing =
    runtime === undefined
        ? "BGP_LAB_VYOS_RUNTIME is not set (a folder with `python`, and 1.4/ and 1.5/, each with vyos-1x/ and libvyosconfig.so as their own builds make them)"
        : ["python", "1.4/libvyosconfig.so", "1.5/libvyosconfig.so"].find((name) => !existsSync(join(runtime, name)));
if (missing !== undefined) {
    // Not console.warn, which a test reporter may hold back.
    process.stderr.write(`\nSKIPPED  configurations in the hands of VyOS's own programs: ${missing}\n\n`);
}

const run = promisify(execFile);
const login = { user: "vyos", encryptedPassword: `$6$saltsaltsaltsalt$${"a".repeat(86)}` };
const versions = ["1.4.0", "1.5-rolling-202410210007"];

/** What tests/render/vyos-generate.py prints. */
interface Answer {
    readonly commands: readonly string[];
    readonly answers: readonly {
        readonly program: string;
        readonly frr?: string;
        readonly refused?: string;
        readonly warnings: readonly string[];
    }[];
}

async function askVyos(version: string, boot: string): Promise<Answer> {
    const series = vyosSeries(version)!;
    const asked = run(join(runtime!, "python"), [join(__dirname, "vyos-generate.py"), join(runtime!, series)]);
    asked.child.stdin?.end(boot);
    return JSON.parse((await asked).stdout) as Answer;
}

/** Every router of every lab, with VyOS in its place. */
function routersOf(version: string): readonly (readonly [lab: Lab, router: string])[] {
    const labs = [...withTopologies(({ plan, schema }) => plan(schema.parse({}))), everything(version)];
    return labs.flatMap((lab) =>
        devicesOf(lab).map(([name, router]) => {
            const own: Router = { ...router, nos: "vyos", nosVersion: version };
            // VyOS runs FRR's profile `traditional`; what the other means is said by other commands.
            const traditional: Router = { ...own, bgp: { ...own.bgp, defaults: "traditional" } };
            return [{ ...lab, routers: { [name]: traditional } }, name] as const;
        }),
    );
}

/** Routers that are no Pods. */
function devicesOf({ routers }: Lab): readonly (readonly [name: string, router: Router])[] {
    return Object.entries(routers).filter(([, { pod }]) => pod === undefined);
}

/** The lab with the router's interfaces under the names that they have in VyOS. */
function underVyosNames(lab: Lab, name: string, version: string): Lab {
    const router = lab.routers[name]!;
    const names = vyosInterfaceNames(router.interfaces, vyosSeries(version)!);
    const renamed = (_: string, value: unknown) => (typeof value === "string" ? (names.get(value) ?? value) : value);
    const { interfaces, staticRoutes, bgp, vrfs } = router;
    const parts = JSON.parse(JSON.stringify({ interfaces, staticRoutes, bgp, vrfs }, renamed)) as Partial<Router>;
    return { ...lab, routers: { [name]: { ...router, ...parts } } };
}

/** Lines of a running configuration, each with those that it is under. */
function flat(running: string): Set<string> {
    let above: string[] = [];
    const lines = running.split("\n").filter((line) => !/^\s*(!|exit\S*)?$/.test(line));
    return new Set(
        lines.map((line) => {
            const depth = line.length - line.trimStart().length;
            above = [...above.slice(0, depth), line.trim()];
            return above.join(" / ");
        }),
    );
}

/**
 * What our own configuration says more: how fast FRR is in a lab, what holds anyhow in VyOS, and timers of a group, which
 * VyOS gives to each of its members.
 */
const onlyOurs = [
    / coalesce-time 20$/,
    /^no zebra nexthop kernel enable$/,
    /(^| )ip(v6)? nht resolve-via-default$/,
    /^vrf \S+$/,
    / neighbor \S+ timers 60 180$/,
    / neighbor \S+ timers connect 120$/,
    / neighbor [^.:\s]+ timers (connect )?[0-9 ]+$/,
    /^bgp route-map delay-timer 0$/,
];

/** FRR prints how many paths it may use for a family, whether anybody carries it or not. */
const nobodysFamily = / address-family ipv6 unicast( \/ maximum-paths (ibgp )?\d+)?$/;

/** What VyOS's says more; its check of networks is on where there are any. */
const onlyTheirs = [/ no bgp network import-check$/, / neighbor \S+[.:]\S* timers (connect )?[0-9 ]+$/];

function without(lines: readonly string[], known: ReadonlySet<string>, patterns: readonly RegExp[]): string[] {
    return lines.filter((line) => !known.has(line) && !patterns.some((pattern) => pattern.test(line)));
}

describe.skipIf(missing !== undefined).each(versions)("VyOS's own programs of %s", (version) => {
    const routers = missing === undefined ? routersOf(version) : [];

    it.each(routers.map(([lab, name]) => [lab.name, name, lab] as const))(
        "%s, %s: its parser reads our set commands, its checks pass, and FRR runs what it runs with our frr.conf",
        async (_, name, lab) => {
            const { commands, answers } = await askVyos(version, vyosConfigBoot(lab, name, login));
            expect([...commands].sort()).toEqual([...vyosSetCommands(lab, name, login)].sort());
            expect(answers.filter(({ refused, warnings }) => refused !== undefined || warnings.length > 0)).toEqual([]);
            expect(answers.some(({ program, frr }) => program === "protocols_bgp" && frr !== "")).toBe(true);

            if (unavailable === undefined) {
                const generated = answers.map(({ frr = "" }) => frr).join("\n");
                const theirs = await judge(name, `frr defaults traditional\nhostname ${name}\n${generated}`);
                const ours = await judge(name, frrConf(underVyosNames(lab, name, version), name));
                expect(theirs.syntax).toBe("");
                const [have, want] = [flat(theirs.running), flat(ours.running)];
                const excused = generated.includes("ipv6 unicast") ? onlyOurs : [...onlyOurs, nobodysFamily];
                expect(without([...want], have, excused)).toEqual([]);
                expect(without([...have], want, onlyTheirs)).toEqual([]);
            }
        },
        120_000,
    );
});

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { BgpSpeaker, Lab, Router } from "../../lab/model";
import { vyosSeries } from "../../lab/vyos";
import { vyosSetCommands } from "../../render/vyos";
import { versionFooter } from "../../render/vyos-footer";
import { withTopologies } from "../../stacks";
import { articleLeafSpine, articleVrfs, everything } from "./nos-labs";
import { parseSet } from "./vyos-parse";
import { commitOf, type Grammar, grammarOf, objection, sourcesMissing, withSources } from "./vyos-source";

const missing = sourcesMissing();
if (missing !== undefined) {
    // Not console.warn, which a test reporter may hold back.
    process.stderr.write(`\nSKIPPED  configurations of VyOS against its own grammar: ${missing}\n\n`);
}

const login = { user: "vyos", encryptedPassword: `$6$saltsaltsaltsalt$${"a".repeat(86)}` };
const versions = ["1.2.8", "1.3.8", "1.4.0", "1.5-rolling-202410210007"];
const policies: Partial<BgpSpeaker> = { ebgpRequiresPolicy: true, defaults: "datacenter" };

/** The labs of all topologies, with VyOS in the place of every router; before 1.4 without those that need VRFs. */
function topologiesOf(version: string): readonly Lab[] {
    const planned = withTopologies(({ plan, schema }) => plan(schema.parse({})));
    const asVyos = (router: Router): Router => ({ ...router, nos: "vyos", nosVersion: version });
    return planned
        .filter(({ routers }) => version >= "1.4" || Object.values(routers).every(({ vrfs = [] }) => vrfs.length === 0))
        .map((lab) => {
            const routers = Object.entries(lab.routers)
                .filter(([, { pod }]) => pod === undefined)
                .map(([name, router]) => [name, asVyos(router)] as const);
            return { ...lab, routers: Object.fromEntries(routers) };
        });
}

function labsOf(version: string): readonly Lab[] {
    const older = version < "1.4";
    const both = [...topologiesOf(version), articleLeafSpine(version), everything(version, older ? {} : policies)];
    return older ? both : [...both, articleVrfs({ nos: "vyos", nosVersion: version })];
}

describe.skipIf(missing !== undefined).each(versions)("what VyOS %s says of its configurations", (version) => {
    const series = vyosSeries(version)!;
    let grammar: Grammar;
    let components: ReadonlyMap<string, number>;

    beforeAll(() => {
        withSources(series, (folder) => {
            grammar = grammarOf(folder);
            components = versionsIn(join(folder, "vyos-1x", "interface-definitions"));
        });
        process.stderr.write(`VyOS ${series}: vyos-1x at ${commitOf(series)}, ${sizeOf(grammar)} places\n`);
    }, 60_000);

    it("every set command is one of its own, with values that it takes", () => {
        const commands = labsOf(version).flatMap((lab) =>
            Object.keys(lab.routers).flatMap((name) => vyosSetCommands(lab, name, login)),
        );
        expect(commands.length).toBeGreaterThan(100);
        const objections = parseSet(commands).map((path) => objection(grammar, path));
        expect(objections.filter((each) => each !== undefined)).toEqual([]);
    });

    it("refuses commands of the other syntax, and values out of range", () => {
        const other = version < "1.4" ? "1.4.0" : "1.2.8";
        const lab = everything(other);
        const refused = parseSet(vyosSetCommands(lab, "router0", login)).filter(
            (path) => objection(grammar, path) !== undefined,
        );
        const parts = new Set(refused.map(([first]) => first));
        expect([...parts]).toEqual(expect.arrayContaining(["nat", "protocols"]));
        expect(
            objection(grammar, ["system", "login", "user", "vyos", "authentication", "encrypted-password", "plain"]),
        ).toBeDefined();
        expect(objection(grammar, ["policy", "prefix-list", "a", "rule", "5", "le", "33"])).toBeDefined();
        expect(objection(grammar, ["policy", "prefix-list", "a", "rule", "5", "action", "allow"])).toBeDefined();
    });

    it.runIf(version >= "1.4")("the footer names its components, and no version that is newer", () => {
        const footer = versionFooter(series, version);
        const named = new Map(
            [...footer.matchAll(/([\w-]+)@(\d+)/g)].map(([, name, number]) => [name!, Number(number)]),
        );
        expect([...named.keys()].sort()).toEqual([...components.keys()].sort());
        for (const [name, number] of named) {
            expect(number, name).toBeLessThanOrEqual(components.get(name)!);
        }
    });
});

function sizeOf({ children }: Grammar): number {
    return [...children.values()].reduce((sum, each) => sum + sizeOf(each), 1);
}

/** Versions of the components of a release, where its definitions have them. */
function versionsIn(definitions: string): ReadonlyMap<string, number> {
    const folder = join(definitions, "include", "version");
    const files =
        readdirSync(definitions).includes("include") && readdirSync(join(definitions, "include")).includes("version")
            ? readdirSync(folder)
            : [];
    return new Map(
        files.map((name) => {
            const text = readFileSync(join(folder, name), "utf8");
            const [, component, version] = /component='([^']+)' version='(\d+)'/.exec(text)!;
            return [component!, Number(version)];
        }),
    );
}

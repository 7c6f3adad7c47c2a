import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { diagram, views } from "../render/diagram";
import { dotOf } from "../render/diagram/dot";
import { mermaidOf } from "../render/diagram/mermaid";
import { deployed } from "./deployed";
import { svgOf } from "./drawing";
import { options, UsageError } from "./options";
import { planned } from "./planned";

const formats = { mermaid: mermaidOf, svg: svgOf, dot: dotOf } as const;

type Format = keyof typeof formats;

/**
 * Draws the lab that a stack file describes, from the file alone, or with `--deployed` the one that the stack has running.
 *
 * `--view`: `overview` (default), `physical`, `bgp` or `vrf`; `--format`: `mermaid` (default), `svg` or `dot`; `--out`: a
 * file, without which the picture is printed.
 */
export async function run(args: string[]): Promise<number> {
    const own = {
        view: { type: "string", default: "" },
        format: { type: "string", default: "" },
        out: { type: "string", default: "" },
        deployed: { type: "boolean", default: false },
    } as const;
    const { stack, view, format, out, deployed: isDeployed } = options(args, own);
    const shown = oneOf("view", "VIEW", views, view);
    const write = formats[oneOf("format", "FORMAT", Object.keys(formats) as Format[], format)];
    const lab = isDeployed ? (await deployed(stack)).model : planned(stack).lab;
    const text = await write(diagram(lab, shown));
    if (out === "") {
        process.stdout.write(text);
        return 0;
    }
    mkdirSync(dirname(out), { recursive: true });
    writeFileSync(out, text);
    console.log(out);
    return 0;
}

/** One of several words, the first where none was given. */
function oneOf<Word extends string>(what: string, variable: string, words: readonly Word[], text: string): Word {
    const word = text === "" ? words[0] : words.find((each) => each === text);
    if (word === undefined) {
        throw new UsageError(`there is no ${what} "${text}": set ${variable} to one of ${words.join(", ")}`);
    }
    return word;
}

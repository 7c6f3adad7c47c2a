import { mermaid } from "../render/mermaid";
import { deployed } from "./deployed";
import { options } from "./options";

/** Prints the deployed lab as a Mermaid diagram. */
export async function run(args: string[]): Promise<number> {
    const { model } = await deployed(options(args, {}).stack);
    process.stdout.write(mermaid(model));
    return 0;
}

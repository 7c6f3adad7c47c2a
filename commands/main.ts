import * as needs from "./needs";
import { UsageError } from "./options";

/** A command: takes its arguments, gives the exit code. */
interface Command {
    run(args: string[]): Promise<number>;
}

const commands: Readonly<Record<string, () => Command>> = {
    needs: () => needs,
    verify: () => require("./verify") as Command,
    status: () => require("./status") as Command,
    drill: () => require("./drill") as Command,
    predict: () => require("./predict") as Command,
    validate: () => require("./validate") as Command,
    revision: () => require("./revision") as Command,
    diff: () => require("./diff") as Command,
    rehearse: () => require("./rehearse") as Command,
    "pr-comment": () => require("./pr-comment") as Command,
    render: () => require("./render") as Command,
    diagram: () => require("./diagram") as Command,
};

/** Whether a command was asked for what it does not do, e.g. with an option that it does not have. */
function isUsage(error: unknown): boolean {
    const { code = "" } = error as NodeJS.ErrnoException;
    return error instanceof UsageError || code.startsWith("ERR_PARSE_ARGS");
}

async function main([name, ...args]: string[]): Promise<number> {
    const load = commands[name ?? ""];
    if (!load) {
        console.error(`commands: ${Object.keys(commands).join(", ")}`);
        return 2;
    }
    return load().run(args);
}

main(process.argv.slice(2)).then(
    (code) => {
        process.exitCode = code;
    },
    (error: unknown) => {
        console.error(error instanceof Error ? error.message : String(error));
        process.exitCode = isUsage(error) ? 2 : 255;
    },
);

/** Exit codes of the published CLI (its `exit_codes.go`), so that scripts can tell failures apart on both engines. */
export const exitCode = {
    failure: 1,
    configuration: 2,
    stackNotFound: 6,
    changesUnexpected: 7,
    cancelled: 8,
} as const;

/** A failure explained to the user: the message is all they see, never a stack trace. */
export class EngineError extends Error {
    constructor(
        message: string,
        readonly code: number = exitCode.failure,
    ) {
        super(message);
        this.name = "EngineError";
    }
}

/** A failure whose causes have been shown already; the process only has to end with the code. */
export class Reported extends EngineError {
    constructor(code: number = exitCode.failure) {
        super("", code);
        this.name = "Reported";
    }
}

/** Something of Pulumi that this engine does not do. Named, never ignored (docs/engine.md lists all of them). */
export function unsupported(what: string): EngineError {
    return new EngineError(
        `${what} is not supported by the embedded engine; use the Pulumi CLI for it (the state is the same), or leave it out`,
    );
}

/** Message of anything thrown. */
export function messageOf(error: unknown): string {
    return error instanceof Error ? error.message : String(error);
}

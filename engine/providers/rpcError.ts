import { status as grpcStatus, type ServiceError } from "@grpc/grpc-js";
import * as messages from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import type { PropertyMap } from "../values";

/** A resource that exists but failed to initialise: it is kept in the state, with the reasons. */
export class InitError extends Error {
    constructor(
        readonly reasons: readonly string[],
        readonly id: string,
        readonly outputs: PropertyMap | undefined,
        readonly inputs: PropertyMap | undefined,
    ) {
        super(describeReasons(reasons));
        this.name = "InitError";
    }
}

function describeReasons(reasons: readonly string[]): string {
    if (reasons.length === 0) {
        return "resource init failed";
    }
    const plural = reasons.length === 1 ? "1 error occurred" : `${reasons.length} errors occurred`;
    return `${plural}:\n${reasons.map((reason) => `    * ${reason}`).join("\n")}`;
}

/** Whether a call failed because the provider does not have it. */
export function isUnimplemented(error: unknown): boolean {
    return (error as Partial<ServiceError>).code === grpcStatus.UNIMPLEMENTED;
}

/** Turns the failure of a call into what it says: an {@link InitError}, or a plain error with the provider's message. */
export function explain(error: unknown): Error {
    const failure = error as Partial<ServiceError>;
    const details = failure.metadata?.get("grpc-status-details-bin")[0];
    for (const detail of details instanceof Buffer ? Status.deserializeBinary(details).getDetailsList() : []) {
        const type = detail.getTypeName();
        if (type === "pulumirpc.ErrorResourceInitFailed") {
            const init = messages.ErrorResourceInitFailed.deserializeBinary(detail.getValue_asU8());
            return new InitError(
                init.getReasonsList(),
                init.getId(),
                init.getProperties()?.toJavaScript() as PropertyMap | undefined,
                init.getInputs()?.toJavaScript() as PropertyMap | undefined,
            );
        }
        if (type === "pulumirpc.ConfigureErrorMissingKeys") {
            const missing = messages.ConfigureErrorMissingKeys.deserializeBinary(detail.getValue_asU8());
            const lines = missing
                .getMissingkeysList()
                .map(
                    (key) =>
                        `missing required configuration key "${key.getName()}": ${key.getDescription()}\n` +
                        `Set a value using the command \`pulumi config set ${key.getName()} <value>\`.`,
                );
            return new Error(lines.join("\n"));
        }
    }
    return new Error(failure.details || (error instanceof Error ? error.message : String(error)));
}

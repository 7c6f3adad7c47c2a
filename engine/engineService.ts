import {
    type ServerUnaryCall,
    type ServiceError,
    type sendUnaryData,
    status,
    type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import * as messages from "@pulumi/pulumi/proto/engine_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import type { Diagnostic, Severity } from "./events";
import { reword } from "./reword";

const severities: readonly Severity[] = ["debug", "info", "warning", "error"];

/** The service that programs and providers log to (engine.proto). */
export function engineService(show: (diagnostic: Diagnostic) => void): UntypedServiceImplementation {
    let root = "";
    return {
        log(call: ServerUnaryCall<messages.LogRequest, Empty>, callback: sendUnaryData<Empty>) {
            const request = call.request;
            show({
                severity: severities[request.getSeverity()] ?? "info",
                message: reword(request.getMessage()),
                urn: request.getUrn(),
                streamId: request.getStreamid(),
                ephemeral: request.getEphemeral(),
            });
            callback(null, new Empty());
        },
        getRootResource(_call: unknown, callback: sendUnaryData<messages.GetRootResourceResponse>) {
            const response = new messages.GetRootResourceResponse();
            response.setUrn(root);
            callback(null, response);
        },
        setRootResource(
            call: ServerUnaryCall<messages.SetRootResourceRequest, messages.SetRootResourceResponse>,
            callback: sendUnaryData<messages.SetRootResourceResponse>,
        ) {
            root = call.request.getUrn();
            callback(null, new messages.SetRootResourceResponse());
        },
        startDebugging: refuse("debugging a program"),
        requirePulumiVersion: refuse("requirePulumiVersion"),
    };
}

function refuse(what: string) {
    return (_call: unknown, callback: sendUnaryData<never>) => {
        const details = `${what} is not supported by the embedded engine`;
        callback({ code: status.FAILED_PRECONDITION, details } as ServiceError);
    };
}

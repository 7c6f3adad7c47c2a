import { Server, ServerCredentials, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { EngineService } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { ResourceMonitorService } from "@pulumi/pulumi/proto/resource_grpc_pb";

/** The server that program and providers of one run talk to; on the loopback interface only. */
export interface EngineServer {
    readonly address: string;
    close(): void;
}

/** Starts the server on a free port. */
export async function startServer(
    engine: UntypedServiceImplementation,
    monitor: UntypedServiceImplementation | undefined,
): Promise<EngineServer> {
    const server = new Server({ "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 });
    server.addService(EngineService, engine);
    if (monitor !== undefined) {
        server.addService(ResourceMonitorService, monitor);
    }
    const port = await new Promise<number>((resolve, reject) => {
        server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
            error === null ? resolve(bound) : reject(error),
        );
    });
    return { address: `127.0.0.1:${port}`, close: () => server.forceShutdown() };
}

// SPDX-License-Identifier: Apache-2.0
package dev.caravan.rest;

import dev.caravan.worker.Worker;
import org.apache.camel.builder.RouteBuilder;

/** The routes of Kafka Connect's REST API, in Camel's REST DSL. */
public final class RestRoutes extends RouteBuilder {
  private final ConnectorsApi api;

  /**
   * @param worker executes the calls
   * @param version the version of this program, which {@code GET /} returns
   */
  public RestRoutes(Worker worker, String version) {
    this.api = new ConnectorsApi(worker, version);
  }

  @Override
  public void configure() {
    onException(Throwable.class).handled(true).process(new ErrorMapper());
    restConfiguration().component("platform-http");

    rest("/").get().id("rest-root").to("direct:root");
    rest("/connectors")
        .get()
        .id("rest-list-connectors")
        .to("direct:list-connectors")
        .post()
        .id("rest-create-connector")
        .to("direct:create-connector");
    rest("/connectors/{" + ConnectorsApi.CONNECTOR + "}")
        .get()
        .id("rest-connector")
        .to("direct:connector")
        .delete()
        .id("rest-delete-connector")
        .to("direct:delete-connector")
        .get("/config")
        .id("rest-connector-config")
        .to("direct:connector-config")
        .put("/config")
        .id("rest-put-connector-config")
        .to("direct:put-connector-config")
        // For clients of the original agent, see docs/origin.md; Kafka Connect has PUT only.
        .post("/config")
        .id("rest-post-connector-config")
        .to("direct:post-connector-config")
        .get("/status")
        .id("rest-connector-status")
        .to("direct:connector-status")
        .get("/tasks")
        .id("rest-connector-tasks")
        .to("direct:connector-tasks")
        .put("/pause")
        .id("rest-pause-connector")
        .to("direct:pause-connector")
        .put("/resume")
        .id("rest-resume-connector")
        .to("direct:resume-connector")
        .put("/stop")
        .id("rest-stop-connector")
        .to("direct:stop-connector");

    call("root", api::root);
    call("list-connectors", api::list);
    call("create-connector", api::create);
    call("connector", api::info);
    call("delete-connector", api::delete);
    call("connector-config", api::config);
    call("put-connector-config", api::putConfig);
    call("post-connector-config", api::putConfig);
    call("connector-status", api::status);
    call("connector-tasks", api::tasks);
    call("pause-connector", api::pause);
    call("resume-connector", api::resume);
    call("stop-connector", api::stop);
  }

  private void call(String name, ApiCall.WorkerCall call) {
    from("direct:" + name).routeId(name).process(new ApiCall(call, ApiCall.TIMEOUT));
  }
}

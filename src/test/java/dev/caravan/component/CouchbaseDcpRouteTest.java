// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.sandbox.cluster.CouchbaseNode;
import java.nio.charset.StandardCharsets;
import org.apache.camel.EndpointInject;
import org.apache.camel.RoutesBuilder;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.component.mock.MockEndpoint;
import org.apache.camel.test.junit5.CamelTestSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The component in a route as a Camel user writes and tests one. */
class CouchbaseDcpRouteTest extends CamelTestSupport {
  private static CouchbaseNode node;

  @EndpointInject("mock:flights")
  private MockEndpoint flights;

  @EndpointInject("mock:gone")
  private MockEndpoint gone;

  @BeforeAll
  static void startNode() throws Exception {
    node = CouchbaseNode.builder().port(0).vbuckets(8).bucket("travel").start();
    node.bucket("travel").upsert("flight_1", "{\"from\":\"ZRH\"}");
    node.bucket("travel").upsert("hotel_1", "{\"city\":\"Bern\"}");
    node.bucket("travel").upsert("flight_2", "{\"from\":\"GVA\"}");
    node.bucket("travel").delete("flight_2");
  }

  @AfterAll
  static void stopNode() {
    node.close();
  }

  @Override
  protected RoutesBuilder createRouteBuilder() {
    return new RouteBuilder() {
      @Override
      public void configure() {
        from("couchbase-dcp:travel?connectionString=%s:%d&username=Administrator&password=password"
                .formatted(node.host(), node.port()))
            .filter(simple("${header.CamelCouchbaseDcpDocumentId} starts with 'flight_'"))
            .choice()
            .when(simple("${header.CamelCouchbaseDcpEventType} == 'MUTATION'"))
            .to("mock:flights")
            .otherwise()
            .to("mock:gone");
      }
    };
  }

  @Test
  void routesByHeadersAndKeepsBodies() throws Exception {
    flights.expectedHeaderReceived(CouchbaseDcpConstants.DOCUMENT_ID, "flight_1");
    flights.expectedMessageCount(1);
    gone.expectedHeaderReceived(CouchbaseDcpConstants.DOCUMENT_ID, "flight_2");
    gone.expectedMessageCount(1);

    MockEndpoint.assertIsSatisfied(context);

    assertThat(flights.getExchanges().get(0).getMessage().getBody(byte[].class))
        .asString(StandardCharsets.UTF_8)
        .isEqualTo("{\"from\":\"ZRH\"}");
    assertThat(gone.getExchanges().get(0).getMessage().getBody()).isNull();
  }
}

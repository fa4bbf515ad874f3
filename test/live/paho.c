/* A client of Eclipse Paho's C library, through its synchronous interface.
 *
 *   paho tcp://HOST:PORT VERSION      VERSION is 3 (MQTT 3.1) or 4 (MQTT 3.1.1)
 *
 * Prints a line "PASS …" for everything that works; ends with 1 at the first thing that does not.
 */
#include <MQTTClient.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE = 10000, MEGABYTE = 1000000, SOME = 5 };

static const char *uri;
static int version;

static void must(int true_, const char *what) {
  if (true_) return;
  printf("FAIL %s\n", what);
  fflush(stdout);
  _exit(1);
}

static void pass(const char *what) {
  printf("PASS %s\n", what);
  fflush(stdout);
}

static MQTTClient open_client(const char *id, int clean, MQTTClient_willOptions *will, int *session_present) {
  MQTTClient client;
  MQTTClient_connectOptions options = MQTTClient_connectOptions_initializer;
  options.MQTTVersion = version;
  options.cleansession = clean;
  options.keepAliveInterval = 30;
  options.will = will;
  must(MQTTClient_create(&client, uri, id, MQTTCLIENT_PERSISTENCE_NONE, NULL) == MQTTCLIENT_SUCCESS, "create");
  must(MQTTClient_connect(client, &options) == MQTTCLIENT_SUCCESS, "connect");
  must(options.returned.MQTTVersion == version, "connect with the version asked for");
  if (session_present != NULL) *session_present = options.returned.sessionPresent;
  return client;
}

static void close_client(MQTTClient client) {
  must(MQTTClient_disconnect(client, PATIENCE) == MQTTCLIENT_SUCCESS, "disconnect");
  MQTTClient_destroy(&client);
}

static void publish(MQTTClient client, const char *topic, const void *payload, int length, int qos, int retained) {
  MQTTClient_deliveryToken token;
  must(MQTTClient_publish(client, topic, length, payload, qos, retained, &token) == MQTTCLIENT_SUCCESS, "publish");
  must(MQTTClient_waitForCompletion(client, token, PATIENCE) == MQTTCLIENT_SUCCESS, "complete a publish");
}

/* The next message must be this one. */
static void expect(MQTTClient client, const char *topic, const void *payload, int length, int qos, int retained) {
  char *name = NULL;
  int name_length;
  MQTTClient_message *message = NULL;
  must(MQTTClient_receive(client, &name, &name_length, &message, PATIENCE) == MQTTCLIENT_SUCCESS && message != NULL, "receive");
  must(strcmp(name, topic) == 0, "receive the topic");
  must(message->payloadlen == length && memcmp(message->payload, payload, length) == 0, "receive the payload");
  must(message->qos == qos, "receive at the QoS");
  must(message->retained == retained, "receive RETAIN");
  MQTTClient_freeMessage(&message);
  MQTTClient_free(name);
}

static void each_qos(void) {
  MQTTClient subscriber = open_client("subscriber", 1, NULL, NULL), publisher = open_client("publisher", 1, NULL, NULL);
  for (int granted = 0; granted <= 2; granted++) {
    must(MQTTClient_subscribe(subscriber, "qos/+", granted) == MQTTCLIENT_SUCCESS, "subscribe");
    for (int qos = 0; qos <= 2; qos++) {
      char topic[] = "qos/0";
      topic[4] += qos;
      publish(publisher, topic, "hello", 5, qos, 0);
      expect(subscriber, topic, "hello", 5, qos < granted ? qos : granted, 0);
    }
    must(MQTTClient_unsubscribe(subscriber, "qos/+") == MQTTCLIENT_SUCCESS, "unsubscribe");
  }
  close_client(publisher);
  close_client(subscriber);
  pass("each QoS");
}

static void retained(void) {
  MQTTClient client = open_client("retainer", 1, NULL, NULL);
  publish(client, "kept/1", "old", 3, 1, 1);
  publish(client, "kept/1", "new", 3, 1, 1);
  publish(client, "kept/0", "gone", 4, 1, 1);
  publish(client, "kept/0", "", 0, 1, 1);
  must(MQTTClient_subscribe(client, "kept/#", 2) == MQTTCLIENT_SUCCESS, "subscribe");
  expect(client, "kept/1", "new", 3, 1, 1);
  publish(client, "kept/1", "", 0, 0, 1);
  expect(client, "kept/1", "", 0, 0, 0);
  close_client(client);
  pass("retained");
}

static void persistent_session(void) {
  int session_present = 1;
  MQTTClient away = open_client("away", 0, NULL, &session_present), publisher;
  must(!session_present, "begin a session");
  must(MQTTClient_subscribe(away, "away/#", 2) == MQTTCLIENT_SUCCESS, "subscribe");
  close_client(away);

  publisher = open_client("publisher", 1, NULL, NULL);
  publish(publisher, "away/0", "lost", 4, 0, 0);
  for (int i = 0; i < SOME; i++) publish(publisher, "away/1", &i, sizeof i, 1, 0);
  for (int i = 0; i < SOME; i++) publish(publisher, "away/2", &i, sizeof i, 2, 0);
  close_client(publisher);

  away = open_client("away", 0, NULL, &session_present);
  must(session_present == (version == 4), "resume a session");
  for (int i = 0; i < SOME; i++) expect(away, "away/1", &i, sizeof i, 1, 0);
  for (int i = 0; i < SOME; i++) expect(away, "away/2", &i, sizeof i, 2, 0);
  close_client(away);
  close_client(open_client("away", 1, NULL, NULL));
  pass("persistent session");
}

static void large_payload(void) {
  MQTTClient client = open_client("large", 1, NULL, NULL);
  char *payload = malloc(MEGABYTE);
  for (int i = 0; i < MEGABYTE; i++) payload[i] = (char)(i * 31 + (i >> 8));
  must(MQTTClient_subscribe(client, "large", 2) == MQTTCLIENT_SUCCESS, "subscribe");
  for (int qos = 0; qos <= 2; qos++) {
    publish(client, "large", payload, MEGABYTE, qos, 0);
    expect(client, "large", payload, MEGABYTE, qos, 0);
  }
  free(payload);
  close_client(client);
  pass("large payload");
}

/* In a process of its own, to be killed. */
static void die_with_will(int ready, int go) {
  char byte = 0;
  MQTTClient_willOptions will = MQTTClient_willOptions_initializer;
  will.topicName = "will";
  will.message = "gone";
  will.qos = 2;
  will.retained = 1;
  if (read(go, &byte, 1) != 1) _exit(1);
  open_client("dying", 1, &will, NULL);
  if (write(ready, "!", 1) != 1) _exit(1);
  pause();
  _exit(1);
}

static void will(pid_t child, int ready, int go) {
  char byte = 0;
  MQTTClient witness = open_client("witness", 1, NULL, NULL);
  must(MQTTClient_subscribe(witness, "will", 2) == MQTTCLIENT_SUCCESS, "subscribe");
  must(write(go, "!", 1) == 1 && read(ready, &byte, 1) == 1, "start a second process");
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  expect(witness, "will", "gone", 4, 2, 0);
  must(MQTTClient_subscribe(witness, "will", 1) == MQTTCLIENT_SUCCESS, "subscribe again");
  expect(witness, "will", "gone", 4, 1, 1);
  close_client(witness);
  pass("will");
}

int main(int count, char **words) {
  int ready[2], go[2];
  pid_t child;
  if (count != 3) return 2;
  uri = words[1];
  version = atoi(words[2]);
  must(pipe(ready) == 0 && pipe(go) == 0, "make pipes");
  /* Before the library has threads, which a second process would not have. */
  child = fork();
  if (child == 0) {
    close(go[1]);
    die_with_will(ready[1], go[0]);
  }
  must(child > 0, "make a second process");
  close(ready[1]);

  close_client(open_client("first", 1, NULL, NULL));
  pass("connect");
  each_qos();
  retained();
  persistent_session();
  large_payload();
  will(child, ready[0], go[1]);
  return 0;
}

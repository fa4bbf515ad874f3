/** What a CONNECT must satisfy beyond being well-formed. */
import { isUtf8 } from '../packet/bytes.js';
import type { Connect } from '../packet/packet.js';
import { MqttError, ReasonCode } from '../packet/reason-code.js';
import { isTopicName } from '../topic/name.js';
import type { Offer } from './contracts.js';

/**
 * Judges a CONNECT before anybody is asked.
 * @throws MqttError ClientIdentifierNotValid or QoSNotSupported, which are answered; others, which only 5.0 clients are told.
 */
export function judge({ clientId, version, clean, will, properties }: Connect, offer: Offer): void {
  if (clientId === '') {
    // [MQTT-3.1.3-8] in 3.1.1 only a clean session may go without a name; MQTT 3.1 asks for one always, 5.0 never.
    if (version === 3) throw new MqttError(ReasonCode.ClientIdentifierNotValid, 'MQTT 3.1 asks for a client identifier');
    if (version === 4 && !clean) {
      throw new MqttError(ReasonCode.ClientIdentifierNotValid, 'a session that is kept asks for a client identifier');
    }
  }
  if (properties?.authenticationData !== undefined && properties.authenticationMethod === undefined) {
    throw new MqttError(ReasonCode.ProtocolError, 'there is Authentication Data and no Authentication Method');
  }
  if (will === undefined) return;
  if (!isTopicName(will.topic)) throw new MqttError(ReasonCode.TopicNameInvalid, 'the Will Topic is no Topic Name');
  const responseTopic = will.properties?.responseTopic;
  if (responseTopic !== undefined && !isTopicName(responseTopic)) {
    throw new MqttError(ReasonCode.ProtocolError, "the Will's Response Topic is no Topic Name");
  }
  if (offer.checkPayloadFormat && will.properties?.payloadFormatIndicator === 1 && !isUtf8(will.payload)) {
    throw new MqttError(ReasonCode.PayloadFormatInvalid, "the Will's payload is not the UTF-8 it says it is");
  }
  // [MQTT5-3.2.2-12]
  if (will.qos > offer.maxQos) throw new MqttError(ReasonCode.QoSNotSupported, `the Will's QoS is above the maximum of ${offer.maxQos}`);
}

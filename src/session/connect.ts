/** What a CONNECT must satisfy beyond being well-formed. */
import type { Connect } from '../packet/packet.js';
import { MqttError, ReasonCode } from '../packet/reason-code.js';
import { isTopicName } from '../topic/name.js';

/**
 * Judges a CONNECT before anybody is asked.
 * @throws MqttError ClientIdentifierNotValid, which is answered; TopicNameInvalid, which is not.
 */
export function judge(connect: Connect): void {
  if (connect.clientId === '') {
    // [MQTT-3.1.3-8] in 3.1.1 only a clean session may go without a name; MQTT 3.1 asks for one always.
    if (connect.version === 3) throw new MqttError(ReasonCode.ClientIdentifierNotValid, 'MQTT 3.1 asks for a client identifier');
    if (connect.version === 4 && !connect.clean) {
      throw new MqttError(ReasonCode.ClientIdentifierNotValid, 'a session that is kept asks for a client identifier');
    }
  }
  if (connect.will !== undefined && !isTopicName(connect.will.topic)) {
    throw new MqttError(ReasonCode.TopicNameInvalid, 'the Will Topic is no Topic Name');
  }
}

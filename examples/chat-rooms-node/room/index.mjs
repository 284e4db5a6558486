import {
  ApiGatewayManagementApiClient,
  GoneException,
  PostToConnectionCommand,
} from "@aws-sdk/client-apigatewaymanagementapi";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import {
  DeleteCommand,
  DynamoDBDocumentClient,
  PutCommand,
  QueryCommand,
} from "@aws-sdk/lib-dynamodb";

const TableName = process.env.TABLE_NAME;
const table = DynamoDBDocumentClient.from(new DynamoDBClient({}));

async function query(name, value, IndexName) {
  const { Items } = await table.send(
    new QueryCommand({
      TableName,
      IndexName,
      KeyConditionExpression: "#name = :value",
      ExpressionAttributeNames: { "#name": name },
      ExpressionAttributeValues: { ":value": value },
    }),
  );
  return Items;
}

const forget = ({ room, connectionId }) =>
  table.send(new DeleteCommand({ TableName, Key: { room, connectionId } }));

async function tell(api, room, message) {
  const Data = JSON.stringify({ room, ...message });
  await Promise.all(
    (await query("room", room)).map(async (member) => {
      try {
        await api.send(new PostToConnectionCommand({ ConnectionId: member.connectionId, Data }));
      } catch (error) {
        if (!(error instanceof GoneException)) throw error;
        await forget(member);
      }
    }),
  );
}

export async function handler({ requestContext, body }) {
  const { routeKey, connectionId, domainName, stage } = requestContext;
  const api = new ApiGatewayManagementApiClient({ endpoint: `https://${domainName}/${stage}` });
  if (routeKey === "$disconnect") {
    for (const member of await query("connectionId", connectionId, "by-connection")) {
      await forget(member);
      await tell(api, member.room, { type: "left", who: connectionId });
    }
    return { statusCode: 200 };
  }
  const { room, text } = JSON.parse(body);
  if (routeKey === "join") {
    await table.send(new PutCommand({ TableName, Item: { room, connectionId } }));
    await tell(api, room, { type: "joined", who: connectionId });
  } else {
    await tell(api, room, { type: "said", who: connectionId, text });
  }
  return { statusCode: 200 };
}

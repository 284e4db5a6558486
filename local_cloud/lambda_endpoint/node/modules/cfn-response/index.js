// What Lambda has for functions whose code is inline: the answer of a custom resource.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-lambda-function-code-cfnresponsemodule.html
"use strict";
const http = require("node:http");
const https = require("node:https");

exports.SUCCESS = "SUCCESS";
exports.FAILED = "FAILED";

exports.send = function (event, context, status, data, physicalId, noEcho, reason) {
  return new Promise((resolve, reject) => {
    const body = JSON.stringify({
      Status: status,
      Reason: reason ?? `See the details in CloudWatch Log Stream: ${context.logStreamName}`,
      PhysicalResourceId: physicalId || context.logStreamName,
      StackId: event.StackId,
      RequestId: event.RequestId,
      LogicalResourceId: event.LogicalResourceId,
      NoEcho: noEcho || false,
      Data: data,
    });
    const to = new URL(event.ResponseURL);
    const headers = { "content-type": "", "content-length": Buffer.byteLength(body) };
    const over = to.protocol === "http:" ? http : https;
    const request = over.request(to, { method: "PUT", headers }, (response) => {
      response.resume();
      resolve(context.done?.());
    });
    request.on("error", reject);
    request.end(body);
  });
};

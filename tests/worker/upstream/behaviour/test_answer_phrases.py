"""Words instead of a picture, in several languages: what they mean, and what they do not."""

import orjson
import pytest

from tests.worker.upstream.bodies import chat_body, classified, delta, stream, summary
from worker.upstream.errors.classify import classify
from worker.upstream.parsing.response_reader import read_answer

SENTENCES = {
    "permanent refusal": (
        "I’m not able to generate that.",
        "I can’t help with that request. If you'd like, I can suggest alternatives.",
        "Sorry — I can't do that one. Want something else?",
        "I must decline this request.",
        "很抱歉，我无法帮您画这张图。",
        "作为AI，我不能生成此类内容。",
        "抱歉，我沒辦法生成這張圖片。",
        "申し訳ありませんが、その画像を生成することはできません。",
        "Es tut mir leid, aber ich kann dieses Bild nicht erstellen.",
        "죄송하지만 해당 이미지는 생성할 수 없습니다.",
    ),
    "permanent moderation": (
        "This request was blocked by our content moderation system.",
        "This image generation request did not follow our content policy.",
        "Content blocked: safety filters triggered.",
        "您的请求违反了我们的内容政策，无法生成。",
        "生成的圖片可能違反了我們的內容政策。",
        "❌ 生成失败: 内容违规",
    ),
    "permanent moderation_input": (
        "We're so sorry, but the prompt may violate our content policies.",
        "Your request was flagged by our safety system.",
        "> 生成失敗 ❌\n> 失敗原因：input_moderation",
        "提示词包含敏感词，请修改后重试",
        "该提示可能违反了我们关于裸露内容的防护准则。",
    ),
    "permanent moderation_output": (
        "The generated image was blocked because it may violate our policies.",
        "We’re so sorry, but the image we created may violate our content policies.",
        "生成的图片未通过审核，请更换提示词",
    ),
    "retry rate_limited": (
        "You've reached your image generation limit.",
        "I'm generating images too quickly. To ensure the best experience, we have limits in place.",
        "請求過於頻繁，請稍後再試",
        "您的生图次数已达上限",
        "生成失败：请求过于频繁，请 30 秒后重试",
    ),
    "retry maintenance": ("系统维护中，请稍后再试", "The service is under maintenance."),
    "retry no_channel model": ("[ERROR] 当前分组 default 下对于模型 x 无可用渠道",),
    "retry daily_limit key": (
        "You've reached your daily limit for image generation.",
        "今日绘图次数已用完，请明天再来",
        "已達到今日免費額度上限",
    ),
    "retry upstream_saturated": (
        "The server is busy. Please try again later.",
        "當前系統繁忙，請稍後重試",
        "所有渠道繁忙，请稍后再试",
        "生成失败：当前排队人数过多",
    ),
    "retry upstream_error": (
        "Image generation is currently unavailable. Please try again later.",
        "I encountered a technical issue while generating the image.",
        "I wasn't able to generate the image because of a technical error.",
        "Hmm...something seems to have gone wrong.",
        "生成失敗，請稍後重試",
        "网络错误，请重试",
        "画像の生成に失敗しました。",
    ),
    "needs_human quota_exhausted key": (
        "Your account balance is insufficient. Please recharge.",
        "您的餘額不足，請充值後使用",
        "生成失败，原因：账号额度不足",
        "积分不足，请先购买积分",
    ),
    "ambiguous deferred_generation": (
        "Lots of people are creating images right now, so this might take a bit.",
        "I'm creating your image now. I'll let you know when it's ready.",
        "I'll generate that image for you now. This may take a moment.",
        "Sure! Generating your image now...",
        "Image generation has started. This usually takes about a minute.",
        "Creating image...",
        "圖片準備好後我們會通知你。",
        "好的，我这就为你生成一张猫的图片，请稍等片刻。",
        "我正在生成图片，完成后会展示给你。",
    ),
    "no_image needs_input": (
        "Please upload the image you'd like me to edit.",
        "It looks like you didn't attach an image. Can you share it?",
        "Could you tell me more about the style you have in mind?",
        "What kind of background would you like?",
        "Do you want me to proceed with this design?",
        "To get started, I need a photo from you.",
        "Before I create it: portrait or landscape?",
        "请提供更多细节，例如颜色和风格。",
        "您想要什么风格的图片？",
        "請上傳需要處理的原圖。",
        "画像をアップロードしてください。",
    ),
    "no_image no_image": (
        "Hello! How can I help you today?",
        "你好，有什么可以帮您？",
        "The lighthouse stands for hope, balance and quiet strength.",
        "The scene shows a speed limit sign and an overdue library book.",
        "A maintenance worker repairs a bridge; the knight cannot draw his sword.",
        "A calm lake at sunset, with sorry-looking ducks that can't swim well.",
        "Merchants do business under heavy load; the server carries plates.",
        "I drew inspiration from the policies of the Roman senate.",
        "这幅画表现了平衡与宁静，违和感很低。",
        "画面中的人物正在处理鱼，旁边的小猫稍后会来。",
        "这张图展示了系统架构，服务与渠道之间的关系。",
        "I drew a sign that reads RATE LIMITED in neon letters. Enjoy!",
        'Here is the poster with the words "too many requests" on it.',
        "这是一张海报，上面写着余额不足。",
    ),
}


@pytest.mark.parametrize(
    ("expected", "text"), [(expected, text) for expected, texts in SENTENCES.items() for text in texts]
)
def test_text_instead_of_an_image_means_the_same_in_a_body_and_in_a_stream(expected: str, text: str) -> None:
    whole = classified(200, chat_body(text))
    half = len(text) // 2
    streamed = classified(200, stream(delta(text[:half]), delta(text[half:]), delta(None, "stop")))
    assert summary(whole) == summary(streamed) == expected
    assert whole.billed == ("no" if expected.startswith("needs_human") else "unknown")


def test_an_echoed_prompt_and_reasoning_are_not_the_message() -> None:
    echo = '{"prompt":"a sign: rate limit exceeded, 余额不足, content policy","n":1}\n\nHere it comes'
    assert summary(classified(200, chat_body(echo))) == "no_image no_image"
    thought = "<think>Does the content policy forbid it? The rate limit?</think>A small cat, in words."
    assert summary(classified(200, chat_body(thought))) == "no_image no_image"


@pytest.mark.parametrize("text", ["rate limit", "余额不足", "violates our content policy", "❌ 生成失败"])
def test_no_phrase_outranks_an_image(text: str) -> None:
    body = chat_body(f"{text} ![a](https://h.example/a.png)")
    assert (
        summary(classified(200, {**body, "error": {"message": text, "code": "insufficient_user_quota"}}))
        == "success"
    )


@pytest.mark.parametrize(
    ("body", "expected", "billed"),
    [
        (chat_body("", tokens=1290), "no_image empty_response", "yes"),
        (chat_body(None, tokens=4160), "no_image empty_response", "yes"),
        (chat_body("Here you go!", tokens=1290), "no_image no_image", "yes"),
        (chat_body("", tokens=0), "no_image empty_response", "unknown"),
        ({"choices": []}, "no_image empty_response", "unknown"),
        ({"choices": None}, "no_image empty_response", "unknown"),
        ({}, "no_image empty_response", "unknown"),
        (
            {"candidates": [{"finishReason": "STOP"}], "usageMetadata": {"candidatesTokenCount": 1290}},
            "no_image empty_response",
            "yes",
        ),
        (b"", "ambiguous empty_response", "unknown"),
        (b"\n\n", "ambiguous empty_response", "unknown"),
        (b": PING\n\n: PING\n\n", "ambiguous stream_truncated", "unknown"),
        (stream(), "ambiguous empty_response", "unknown"),
        (stream(delta("> 进度 **30%**\n")), "ambiguous stream_truncated", "unknown"),
        (stream(delta("hello"), done=False), "ambiguous stream_truncated", "unknown"),
        (
            b'{"choices":[{"message":{"content":"![a](data:image/png;base64,iV',
            "ambiguous protocol_error",
            "unknown",
        ),
        ({"task_id": "t-123456", "status": "queued"}, "pending", "unknown"),
        ({"code": 200, "message": "success", "data": {"task_id": "t-123456"}}, "pending", "unknown"),
    ],
)
def test_an_answer_without_a_word(body: object, expected: str, billed: str) -> None:
    assert summary(classified(200, body)) == expected
    assert classified(200, body).billed == billed


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (chat_body("", finish="content_filter"), "permanent moderation"),
        (chat_body("", finish="refusal"), "permanent refusal"),
        (chat_body(None, refusal="I'm sorry, I can't assist with that."), "permanent refusal"),
        (chat_body("", finish="length"), "ambiguous stream_truncated"),
        (
            {"choices": [{"message": {}, "finish_reason": "stop", "native_finish_reason": "IMAGE_SAFETY"}]},
            "permanent moderation_output",
        ),
        ({"candidates": [{"finishReason": "SPII"}]}, "permanent moderation"),
        ({"candidates": [{"finishReason": "BLOCKLIST"}]}, "permanent moderation_input"),
        ({"candidates": [{"finishReason": "IMAGE_OTHER"}]}, "no_image no_image"),
        ({"promptFeedback": {"blockReason": "OTHER"}}, "permanent moderation_input"),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}, "output": []},
            "permanent moderation",
        ),
        (
            {
                "output": [
                    {
                        "type": "message",
                        "content": [{"type": "refusal", "refusal": "I can't help with that."}],
                    }
                ]
            },
            "permanent refusal",
        ),
    ],
)
def test_the_reason_why_an_answer_ended(body: object, expected: str) -> None:
    assert summary(classified(200, body)) == expected


def test_an_incomplete_image_may_have_been_charged() -> None:
    body = chat_body("![a](data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAA)")
    assert summary(classified(200, body)) == "ambiguous protocol_error"


def test_a_poll_url_without_an_image_is_a_deferred_generation() -> None:
    body = chat_body("[原始数据](https://pro.asyncdata.net/source/task_01)")
    assert summary(classified(200, body)) == "ambiguous deferred_generation"


def test_an_echoed_input_image_needs_input() -> None:
    photo = "https://user.example/photo.png"
    body = orjson.dumps(chat_body(f"![image]({photo})"))
    result = classify(read_answer(body, input_urls=(photo,)), status=200)
    assert summary(result) == "no_image needs_input"

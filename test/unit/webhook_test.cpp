#include "../../src/core/json.hpp"
#include "../../src/core/webhook.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace attendance {
namespace {

using std::string;
using std::string_view;

constexpr Instant at(std::int64_t unix_seconds, std::int64_t milliseconds = 0) {
    return (unix_seconds + unix_epoch) * second + milliseconds * millisecond;
}

// Memory of exactly the promised size, so that the sanitizer sees the first byte too many.
class Memory {
public:
    explicit Memory(std::size_t body_length)
        : size_(arena_for(body_length)), memory_(new char[size_]), arena_{memory_.get(), memory_.get() + size_} {}
    Arena& arena() { return arena_; }

private:
    std::size_t size_;
    std::unique_ptr<char[]> memory_;
    Arena arena_;
};

struct Parsed : Webhook {
    explicit Parsed(string_view body) : memory(std::make_unique<Memory>(body.size())) {
        static_cast<Webhook&>(*this) = parse_webhook(body, memory->arena());
    }
    std::unique_ptr<Memory> memory;
};

string redacted(string_view text) {
    Memory memory(text.size());
    return string(redact(text, memory.arena()));
}

string problem_of(string_view body) { return string(Parsed(body).problem); }

bool absent(string_view text) { return text.data() == nullptr; }

void expect_cycle(const Cycle& cycle, Instant joined_at, Instant left_at, EndedBy ended_by) {
    EXPECT_EQ(cycle.joined_at, joined_at);
    EXPECT_EQ(cycle.left_at, left_at);
    EXPECT_EQ(cycle.ended_by, ended_by);
}

// An event at 1760000000 about 5_ameer in math/RM_1, who joined at 1759999000.25.
string event(string_view name, string_view participant_fields = "", string_view fields = "") {
    return R"({"event":")" + string(name) +
           R"(","id":"EV_1","createdAt":"1760000000","room":{"sid":"RM_1","name":"math"},)"
           R"("participant":{"sid":"PA_1","identity":"5_ameer","joinedAt":"1759999000","joinedAtMs":"1759999000250")" +
           string(participant_fields) + "}" + string(fields) + "}";
}

// An event at 1760000000 with nothing beside but these fields.
string bare(string_view name, string_view fields) {
    return R"({"event":")" + string(name) + R"(","createdAt":1760000000)" + string(fields) + "}";
}

string escaped(string_view text) {
    string result = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            result += '\\';
        }
        result += c;
    }
    return result + '"';
}

string unescaped(string_view text) {
    string result;
    for (std::size_t i = 0; i < text.size() && text[i] != '"'; ++i) {
        if (text[i] == '\\') {
            ++i;
            EXPECT_TRUE(text[i] == '"' || text[i] == '\\') << "an escape this helper does not know: " << text[i];
        }
        result += text[i];
    }
    return result;
}

// The bodies of every recorded request, duplicates and all.
const std::vector<string>& recorded_bodies() {
    static const std::vector<string> bodies = [] {
        std::vector<string> result;
        for (const auto& folder : std::filesystem::directory_iterator(ATTENDANCE_RECORDINGS)) {
            std::ifstream lines(folder.path() / "webhooks.jsonl");
            constexpr string_view key = R"("body":")";
            for (string line; std::getline(lines, line);) {
                result.push_back(unescaped(string_view(line).substr(line.find(key) + key.size())));
            }
        }
        return result;
    }();
    return bodies;
}

TEST(Body, BrokenJsonIsLocated) {
    EXPECT_EQ(problem_of(R"({"event":"room_x" "id":1})"), "body: not valid JSON at byte 22");
    EXPECT_EQ(problem_of(""), "body: not valid JSON at byte 1");
    EXPECT_EQ(problem_of("{} x"), "body: not valid JSON at byte 4");
    EXPECT_EQ(problem_of("{\"event\":\"\xff\"}"), "body: not valid JSON at byte 11");
    EXPECT_EQ(problem_of(R"({"event":"\ud800"})"), "body: not valid JSON at byte 17");
}

TEST(Body, WhatPostgresWouldRefuseIsRefused) {
    EXPECT_EQ(problem_of("\xEF\xBB\xBF{}"), "body: not valid JSON at byte 1");
    EXPECT_EQ(problem_of(string("{}\0{", 4)), "body: not valid JSON at byte 3");
}

TEST(Body, NumberOverflow) { EXPECT_EQ(problem_of(R"({"event":1e999})"), "body: number out of range"); }

TEST(Body, NotAnObject) {
    for (const auto body : {"[]", "null", "7", R"("text")", "[{}]"}) {
        EXPECT_EQ(problem_of(body), "body: not a JSON object") << body;
    }
}

TEST(Body, LengthLimit) {
    const string start = bare("x", R"(,"id":"EV_1")");
    EXPECT_EQ(problem_of(start + string(max_body - start.size(), ' ')), "");
    EXPECT_EQ(problem_of(start + string(max_body + 1 - start.size(), ' ')), "body: longer than 1048576 bytes");
}

TEST(Body, DepthLimit) {
    const auto nested = [](int levels) {
        return bare("x", R"(,"deep":)" + string(levels, '[') + string(levels, ']'));
    };
    EXPECT_EQ(problem_of(nested(max_depth - 1)), "");
    EXPECT_EQ(problem_of(nested(max_depth)), "body: nested deeper than 64 levels");
    EXPECT_EQ(problem_of(string(max_body, '[')), "body: nested deeper than 64 levels");

    string objects;
    for (int i = 0; i < max_depth + 1; ++i) {
        objects += R"({"a":)";
    }
    EXPECT_EQ(problem_of(objects), "body: nested deeper than 64 levels");
}

TEST(Body, AProblemLeavesNothingElseSet) {
    const Parsed webhook(event("participant_left", R"(,"version":-1)"));
    EXPECT_EQ(webhook.problem, "participant.version: out of range");
    for (const auto text : {webhook.event_id, webhook.event, webhook.body, webhook.room, webhook.room_sid,
                            webhook.participant_sid, webhook.identity, webhook.name, webhook.role}) {
        EXPECT_TRUE(absent(text)) << text;
    }
    for (const auto time : {webhook.occurred_at, webhook.instance_started_at, webhook.instance_finished_at,
                            webhook.seen_at}) {
        EXPECT_EQ(time, unknown);
    }
}

TEST(Body, OverflowOfTheArenaIsABug) {
    std::array<char, 8> memory{};
    Arena arena{memory.data(), memory.data() + memory.size()};
    EXPECT_THROW(redact("nine char", arena), std::logic_error);
    EXPECT_EQ(redact("8 chars.", arena), "8 chars.");
    EXPECT_EQ(arena.next, arena.end);
}

TEST(Fields, EventIsRequired) {
    EXPECT_EQ(problem_of("{}"), "event: missing");
    EXPECT_EQ(problem_of(R"({"event":null})"), "event: missing");
    EXPECT_EQ(problem_of(R"({"event":""})"), "event: missing");
    EXPECT_EQ(problem_of(R"({"event":0})"), "event: missing");
    EXPECT_EQ(problem_of(R"({"event":7})"), "event: not a string");
    EXPECT_EQ(problem_of(R"({"event":"a\u0000b"})"), "event: contains a NUL character");
}

TEST(Fields, IdIsOptional) {
    EXPECT_EQ(Parsed(bare("x", R"(,"id":"EV_é")")).event_id, "EV_é");
    EXPECT_EQ(Parsed(bare("x", R"(,"id":"EV_\u00e9\ud83d\ude00")")).event_id, "EV_é😀");
    for (const auto fields : {"", R"(,"id":"")", R"(,"id":null)"}) {
        const Parsed webhook(bare("x", fields));
        EXPECT_EQ(webhook.problem, "");
        EXPECT_TRUE(absent(webhook.problem));
        EXPECT_TRUE(absent(webhook.event_id));
    }
    EXPECT_EQ(problem_of(bare("x", R"(,"id":["EV_1"])")), "id: not a string");
    EXPECT_EQ(problem_of(bare("x", R"(,"id":"\u0000")")), "id: contains a NUL character");
}

string created(string_view value) { return R"({"event":"x","createdAt":)" + string(value) + "}"; }

TEST(Fields, CreatedAtIsAWholeNumberHoweverItIsSent) {
    for (const auto value : {R"("1760000000")", "1760000000", "1760000000.0", "1.76e9"}) {
        const Parsed webhook(created(value));
        EXPECT_EQ(webhook.problem, "") << value;
        EXPECT_EQ(webhook.occurred_at, at(1760000000)) << value;
    }
    EXPECT_EQ(Parsed(R"({"event":"x","created_at":"1760000000"})").occurred_at, at(1760000000));
    EXPECT_EQ(Parsed(R"({"event":"x","createdAt":null,"created_at":1760000000})").occurred_at, at(1760000000));

    for (const auto value : {R"("soon")", R"("1760000000x")", R"("1760000000.5")", R"(" 1760000000")", R"("-")",
                             R"("1760000000\u0000")", "1760000000.5", "true", "[1760000000]", "{}"}) {
        EXPECT_EQ(problem_of(created(value)), "createdAt: not a whole number") << value;
    }
}

TEST(Fields, CreatedAtIsRequired) {
    EXPECT_EQ(problem_of(R"({"event":"x"})"), "createdAt: missing");
    for (const auto value : {"0", "0.0", R"("0")", R"("")", "null"}) {
        EXPECT_EQ(problem_of(created(value)), "createdAt: missing") << value;
    }
}

TEST(Fields, CreatedAtIsInTheYears2000To9999) {
    EXPECT_EQ(Parsed(created("946684800")).occurred_at, 0);
    EXPECT_EQ(Parsed(created("253402300799")).occurred_at, at(253402300799));
    for (const auto value : {"946684799", "253402300800", "1760000000123", "-1", "-62135596800",
                             "9223372036854775807", "9223372036854775808", "-9223372036854775808", "1e30", "-1e30",
                             R"("9223372036854775808")", R"("-9223372036854775809")"}) {
        EXPECT_EQ(problem_of(created(value)), "createdAt: out of range") << value;
    }
}

TEST(Fields, ReasonsDoNotQuoteTheBody) {
    EXPECT_EQ(problem_of(event("participant_joined", R"(,"name":["Ameer Maher"])")), "participant.name: not a string");
}

TEST(Room, NameComesFromTheRoomElseFromEgressElseFromIngress) {
    const string egress = R"(,"egressInfo":{"roomName":"from egress"})";
    const string ingress = R"(,"ingressInfo":{"roomName":"from ingress"})";
    EXPECT_EQ(Parsed(bare("x", R"(,"room":{"name":"from room"})" + egress + ingress)).room, "from room");
    EXPECT_EQ(Parsed(bare("x", R"(,"room":{"name":""})" + ingress + egress)).room, "from egress");
    EXPECT_EQ(Parsed(bare("x", ingress)).room, "from ingress");
    EXPECT_EQ(Parsed(bare("x", R"(,"egress_info":{"room_name":"snake"})")).room, "snake");
    EXPECT_EQ(Parsed(bare("x", R"(,"ingress_info":{"room_name":"snake"})")).room, "snake");

    const Parsed none(bare("x", R"(,"room":"no object")"));
    EXPECT_EQ(none.problem, "");
    EXPECT_EQ(none.room, "");
    EXPECT_FALSE(absent(none.room));

    EXPECT_EQ(problem_of(bare("x", R"(,"room":{"name":5})")), "room.name: not a string");
    EXPECT_EQ(problem_of(bare("x", R"(,"room":{"name":"a\u0000"})")), "room.name: contains a NUL character");
    EXPECT_EQ(problem_of(bare("x", R"(,"room":{"sid":5})")), "room.sid: not a string");
    EXPECT_EQ(problem_of(bare("x", R"(,"egressInfo":{"roomName":5})")), "egressInfo.roomName: not a string");
}

TEST(Room, StartAndFinishNeedNameAndSid) {
    for (const auto name : {"room_started", "room_finished"}) {
        EXPECT_EQ(problem_of(bare(name, "")), "room.name: missing");
        EXPECT_EQ(problem_of(bare(name, R"(,"room":{"sid":"RM_1"})")), "room.name: missing");
        EXPECT_EQ(problem_of(bare(name, R"(,"room":{"name":"math"})")), "room.sid: missing");
    }
}

string room(string_view name, string_view fields) {
    return bare(name, R"(,"room":{"name":"math","sid":"RM_1")" + string(fields) + "}");
}

TEST(Room, StartedAt) {
    const Parsed exact(room("x", R"(,"creationTime":"1759990000","creationTimeMs":"1759990000789")"));
    EXPECT_EQ(exact.room, "math");
    EXPECT_EQ(exact.room_sid, "RM_1");
    EXPECT_EQ(exact.instance_started_at, at(1759990000, 789));
    EXPECT_EQ(exact.instance_finished_at, unknown);

    EXPECT_EQ(Parsed(room("x", R"(,"creation_time_ms":1759990000789)")).instance_started_at, at(1759990000, 789));
    EXPECT_EQ(Parsed(room("x", R"(,"creationTime":1759990000)")).instance_started_at, at(1759990000));
    EXPECT_EQ(Parsed(room("x", "")).instance_started_at, unknown);
    EXPECT_EQ(Parsed(room("room_started", "")).instance_started_at, at(1760000000));
    EXPECT_EQ(Parsed(room("room_started", R"(,"creationTime":1759990000)")).instance_started_at, at(1759990000));
    EXPECT_EQ(Parsed(room("room_started", "")).instance_finished_at, unknown);
    EXPECT_EQ(Parsed(room("room_finished", "")).instance_started_at, unknown);
}

TEST(Room, AnImpossibleCreationTimeIsNone) {
    for (const auto time : {"-62135596800", "0", R"("1759990000789")", "1e30"}) {
        const string field = string(R"(,"creationTime":)") + time;
        EXPECT_EQ(problem_of(room("x", field)), "") << time;
        EXPECT_EQ(Parsed(room("x", field)).instance_started_at, unknown) << time;
        EXPECT_EQ(Parsed(room("room_started", field)).instance_started_at, at(1760000000)) << time;
    }
    EXPECT_EQ(Parsed(room("x", R"(,"creationTime":1759990000,"creationTimeMs":-62135596800000)")).instance_started_at,
              at(1759990000));
    EXPECT_EQ(problem_of(room("x", R"(,"creationTime":"then")")), "room.creationTime: not a whole number");
    EXPECT_EQ(problem_of(room("x", R"(,"creationTimeMs":1.5)")), "room.creationTimeMs: not a whole number");
}

TEST(Room, FinishedAt) {
    EXPECT_EQ(Parsed(room("room_finished", "")).instance_finished_at, at(1760000000));
    EXPECT_EQ(Parsed(room("participant_left_x", "")).instance_finished_at, unknown);
}

TEST(Room, AnInstanceNeedsRoomAndSid) {
    EXPECT_EQ(Parsed(bare("x", R"(,"room":{"name":"math","creationTime":1759990000})")).instance_started_at, unknown);
    EXPECT_EQ(Parsed(bare("x", R"(,"room":{"sid":"RM_1","creationTime":1759990000})")).instance_started_at, unknown);
}

TEST(Participant, Joined) {
    const string body = event("participant_joined", R"(,"name":"Ameer \"A\" Maher","version":3,"state":"ACTIVE")");
    const Parsed webhook(body);
    EXPECT_EQ(webhook.problem, "");
    EXPECT_EQ(webhook.event, "participant_joined");
    EXPECT_EQ(webhook.event_id, "EV_1");
    EXPECT_EQ(webhook.body, body);
    EXPECT_EQ(webhook.room, "math");
    EXPECT_EQ(webhook.room_sid, "RM_1");
    EXPECT_EQ(webhook.participant_sid, "PA_1");
    EXPECT_EQ(webhook.identity, "5_ameer");
    EXPECT_EQ(webhook.name, "Ameer \"A\" Maher");
    EXPECT_TRUE(absent(webhook.role));
    EXPECT_EQ(webhook.occurred_at, at(1760000000));
    EXPECT_EQ(webhook.seen_at, at(1760000000));
    EXPECT_EQ(webhook.version, 3);
    EXPECT_TRUE(webhook.counted);
    expect_cycle(webhook.cycle, at(1759999000, 250), forever, EndedBy::open);
}

TEST(Participant, AJoinAlreadyDisconnectedIsStillAJoin) {
    expect_cycle(Parsed(event("participant_joined", R"(,"state":"DISCONNECTED")")).cycle, at(1759999000, 250), forever,
                 EndedBy::open);
}

TEST(Participant, LeftAndAborted) {
    const Parsed left(event("participant_left", R"(,"state":"DISCONNECTED")"));
    expect_cycle(left.cycle, at(1759999000, 250), at(1760000000), EndedBy::left);
    EXPECT_EQ(left.seen_at, at(1760000000));
    EXPECT_EQ(left.version, 0);
    expect_cycle(Parsed(event("participant_connection_aborted")).cycle, at(1759999000, 250), at(1760000000),
                 EndedBy::aborted);
}

string stay(string_view name, string_view times) {
    return bare(name, R"(,"room":{"name":"math"},"participant":{"sid":"PA_1","identity":"5")" + string(times) + "}");
}

TEST(Participant, JoinTime) {
    const auto joined_at = [](string_view times) { return Parsed(stay("participant_joined", times)).cycle.joined_at; };
    EXPECT_EQ(joined_at(R"(,"joinedAt":"1759999000","joinedAtMs":"1759999000250")"), at(1759999000, 250));
    EXPECT_EQ(joined_at(R"(,"joined_at":1759999000,"joined_at_ms":1759999000250)"), at(1759999000, 250));
    EXPECT_EQ(joined_at(R"(,"joinedAt":"1759999000")"), at(1759999000));
    EXPECT_EQ(joined_at(R"(,"joinedAt":"1759999000","joinedAtMs":"0")"), at(1759999000));
    EXPECT_EQ(joined_at(""), at(1760000000));
    EXPECT_EQ(joined_at(R"(,"joinedAt":0)"), at(1760000000));
}

TEST(Participant, ImpossibleJoinTimesAreProblems) {
    const auto problem = [](string_view times) { return problem_of(stay("participant_left", times)); };
    EXPECT_EQ(problem(R"(,"joinedAt":"1759999000250")"), "participant.joinedAt: out of range");
    EXPECT_EQ(problem(R"(,"joinedAt":-62135596800)"), "participant.joinedAt: out of range");
    EXPECT_EQ(problem(R"(,"joinedAtMs":"1759999000")"), "participant.joinedAtMs: out of range");
    EXPECT_EQ(problem(R"(,"joinedAtMs":253402300800000)"), "participant.joinedAtMs: out of range");
    EXPECT_EQ(problem(R"(,"joinedAtMs":253402300799999)"), "");
    EXPECT_EQ(problem(R"(,"joinedAtMs":946684799999)"), "participant.joinedAtMs: out of range");
    EXPECT_EQ(problem(R"(,"joinedAtMs":946684800000)"), "");
    EXPECT_EQ(problem(R"(,"joinedAt":true)"), "participant.joinedAt: not a whole number");
}

TEST(Participant, ALeaveWithinTheSecondOfTheJoinIsEmpty) {
    for (const auto& [name, ended_by] : {std::pair{"participant_left", EndedBy::left},
                                        std::pair{"participant_connection_aborted", EndedBy::aborted}}) {
        const Parsed webhook(stay(name, R"(,"joinedAtMs":1760000000400)"));
        expect_cycle(webhook.cycle, at(1760000000, 400), at(1760000000, 400), ended_by);
        EXPECT_EQ(webhook.seen_at, at(1760000000, 400));
    }
    const Parsed joined(stay("participant_joined", R"(,"joinedAtMs":1760000000400)"));
    EXPECT_EQ(joined.seen_at, at(1760000000, 400));
    EXPECT_EQ(joined.occurred_at, at(1760000000));
}

TEST(Participant, StaysNeedRoomSidAndIdentity) {
    for (const string name : {"participant_joined", "participant_left", "participant_connection_aborted"}) {
        EXPECT_EQ(problem_of(bare(name, R"(,"participant":{"sid":"PA_1","identity":"5"})")), "room.name: missing");
        EXPECT_EQ(problem_of(bare(name, R"(,"room":{"name":"math"},"participant":{"identity":"5"})")),
                  "participant.sid: missing");
        EXPECT_EQ(problem_of(bare(name, R"(,"room":{"name":"math"},"participant":{"sid":"PA_1","identity":""})")),
                  "participant.identity: missing");
        EXPECT_EQ(problem_of(bare(name, R"(,"room":{"name":"math"},"participant":{"sid":1,"identity":"5"})")),
                  "participant.sid: not a string");
    }
    EXPECT_EQ(problem_of(stay("participant_left", R"(,"name":"\u0000")")),
              "participant.name: contains a NUL character");
    const string participant = R"(,"participant":{"sid":"PA_1","identity":"\u0000"})";
    EXPECT_EQ(problem_of(bare("participant_left", R"(,"room":{"name":"math"})" + participant)),
              "participant.identity: contains a NUL character");
}

TEST(Participant, SnakeCaseThroughout) {
    const Parsed webhook(
        R"({"event":"participant_left","id":"EV_1","created_at":1760000000,)"
        R"("room":{"sid":"RM_1","name":"math","creation_time":"1759990000","creation_time_ms":"1759990000789"},)"
        R"("participant":{"sid":"PA_1","identity":"5","joined_at":"1759999000","joined_at_ms":"1759999000250",)"
        R"("kind":"STANDARD","kind_details":["SIMULATION"],"version":4}})");
    EXPECT_EQ(webhook.problem, "");
    EXPECT_EQ(webhook.instance_started_at, at(1759990000, 789));
    expect_cycle(webhook.cycle, at(1759999000, 250), at(1760000000), EndedBy::left);
    EXPECT_EQ(webhook.version, 4);
    EXPECT_FALSE(webhook.counted);
}

TEST(Presence, OtherEventsProveThatSomebodyIsThere) {
    const Parsed webhook(stay("track_published", R"(,"name":"not read here","metadata":"{\"role\":\"host\"}")"));
    EXPECT_EQ(webhook.problem, "");
    EXPECT_EQ(webhook.participant_sid, "PA_1");
    EXPECT_EQ(webhook.identity, "5");
    EXPECT_EQ(webhook.version, -1);
    EXPECT_TRUE(absent(webhook.name));
    EXPECT_TRUE(absent(webhook.role));
    EXPECT_TRUE(webhook.counted);
    EXPECT_EQ(webhook.seen_at, at(1760000000));
    expect_cycle(webhook.cycle, at(1760000000), forever, EndedBy::open);
}

TEST(Presence, WithAJoinTimeTheParticipantIsWhole) {
    const Parsed webhook(event("hand_raised", R"(,"name":"Ameer","kind":"AGENT","metadata":"{\"role\":\"host\"}")"));
    EXPECT_EQ(webhook.version, 0);
    EXPECT_EQ(webhook.name, "Ameer");
    EXPECT_EQ(webhook.role, "host");
    EXPECT_FALSE(webhook.counted);
    EXPECT_EQ(webhook.seen_at, at(1760000000));
    expect_cycle(webhook.cycle, at(1759999000, 250), forever, EndedBy::open);

    EXPECT_EQ(Parsed(stay("x", R"(,"joinedAt":1760000005,"version":9)")).seen_at, at(1760000005));
    EXPECT_EQ(Parsed(stay("x", R"(,"joinedAt":1760000005,"version":9)")).version, 9);
    EXPECT_EQ(problem_of(stay("x", R"(,"joinedAt":5)")), "participant.joinedAt: out of range");
}

TEST(Presence, NobodyUnlessRoomSidAndIdentityAreThere) {
    for (const auto fields : {"", R"(,"participant":{"sid":"PA_1","identity":"5","joinedAt":1})",
                              R"(,"room":{"name":"math"},"participant":{"sid":"PA_1"})",
                              R"(,"room":{"name":"math"},"participant":{"identity":"5"})",
                              R"(,"room":{"name":"math"},"participant":["sid","identity"])"}) {
        const Parsed webhook(bare("track_published", fields));
        EXPECT_EQ(webhook.problem, "") << fields;
        EXPECT_TRUE(absent(webhook.participant_sid)) << fields;
        EXPECT_TRUE(absent(webhook.identity)) << fields;
        EXPECT_EQ(webhook.seen_at, unknown) << fields;
        EXPECT_EQ(webhook.occurred_at, at(1760000000)) << fields;
    }
}

TEST(Presence, WhatNoRuleNeedsIsNotChecked) {
    EXPECT_EQ(problem_of(bare("egress_ended", R"(,"egressInfo":{"startedAt":"never"},"track":7)")), "");
    EXPECT_EQ(problem_of(stay("track_published", R"(,"version":"x","name":5)")), "");
}

TEST(State, Version) {
    const auto version = [](string_view value) {
        return Parsed(event("participant_left", R"(,"version":)" + string(value))).version;
    };
    EXPECT_EQ(version("7"), 7);
    EXPECT_EQ(version(R"("7")"), 7);
    EXPECT_EQ(version("7.0"), 7);
    EXPECT_EQ(version("null"), 0);
    EXPECT_EQ(version("2147483647"), 2147483647);
    for (const auto value : {"2147483648", "-1", "1e300"}) {
        EXPECT_EQ(problem_of(event("participant_left", string(R"(,"version":)") + value)),
                  "participant.version: out of range");
    }
    EXPECT_EQ(problem_of(event("participant_left", R"(,"version":{})")), "participant.version: not a whole number");
}

string role(string_view fields) {
    const Parsed webhook(event("participant_joined", fields));
    EXPECT_EQ(webhook.problem, "") << fields;
    return absent(webhook.role) ? "(none)" : string(webhook.role);
}

TEST(State, RoleIsAnAttributeElseInJsonMetadata) {
    EXPECT_EQ(role(R"(,"attributes":{"role":"teacher"},"metadata":"{\"role\":\"student\"}")"), "teacher");
    EXPECT_EQ(role(R"(,"attributes":{"role":""},"metadata":"{\"role\":\"student\"}")"), "student");
    EXPECT_EQ(role(R"(,"attributes":{"role":5},"metadata":"{\"role\":\"student\"}")"), "student");
    EXPECT_EQ(role(R"(,"attributes":"teacher","metadata":"{\"role\":\"\\u00e9t\\u00e9\"}")"), "été");
}

TEST(State, MetadataIsFreeText) {
    const string deep = escaped(R"({"role":"x","a":)" + string(max_depth, '[') + string(max_depth, ']') + "}");
    for (const string metadata :
         {R"("")", R"("student")", R"("{\"role\":")", R"("{\"role\":5}")", R"("{\"role\":\"\"}")", R"("[\"role\"]")",
          R"("\"role\"")", R"("{\"a\":{\"role\":\"x\"}}")", R"("{\"role\":\"x\"}\u0000")", R"("{\"n\":1e999}")", "5",
          "null", deep.c_str()}) {
        EXPECT_EQ(role(R"(,"metadata":)" + metadata), "(none)") << metadata;
    }
    EXPECT_EQ(role(R"(,"metadata":)" + escaped(R"({"role":"x","a":)" + string(max_depth - 1, '[') +
                                              string(max_depth - 1, ']') + "}")),
              "x");
}

TEST(State, ARoleWithNulIsAProblem) {
    EXPECT_EQ(problem_of(event("participant_joined", R"(,"attributes":{"role":"a\u0000"})")),
              "participant.attributes.role: contains a NUL character");
    EXPECT_EQ(problem_of(event("participant_joined", R"(,"metadata":"{\"role\":\"a\\u0000\"}")")),
              "participant.metadata.role: contains a NUL character");
}

bool counts(string_view fields) {
    const Parsed webhook(event("participant_joined", fields));
    EXPECT_EQ(webhook.problem, "") << fields;
    return webhook.counted;
}

TEST(Counted, Kinds) {
    for (const string kind : {R"("STANDARD")", R"("SIP")", R"("CONNECTOR")", R"("")", "0", "3", "7", "null"}) {
        EXPECT_TRUE(counts(R"(,"kind":)" + kind)) << kind;
    }
    for (const string kind : {R"("INGRESS")", R"("EGRESS")", R"("AGENT")", R"("BRIDGE")", R"("HOLOGRAM")", R"("sip")",
                              "1", "2", "4", "8", "-3", "true", "{}"}) {
        EXPECT_FALSE(counts(R"(,"kind":)" + kind)) << kind;
    }
}

TEST(Counted, Permissions) {
    EXPECT_TRUE(counts(R"(,"permission":{"canPublish":true,"hidden":false,"recorder":false,"agent":null})"));
    EXPECT_TRUE(counts(R"(,"permission":true)"));
    for (const string permission : {"hidden", "recorder", "agent"}) {
        EXPECT_FALSE(counts(R"(,"permission":{")" + permission + R"(":true})")) << permission;
    }
}

TEST(Counted, KindDetails) {
    EXPECT_TRUE(counts(R"(,"kindDetails":[])"));
    EXPECT_TRUE(counts(R"(,"kindDetails":["CONNECTOR_WHATSAPP",5,null])"));
    EXPECT_FALSE(counts(R"(,"kindDetails":["CLOUD_AGENT","FORWARDED"])"));
    EXPECT_FALSE(counts(R"(,"kind_details":["SIMULATION"])"));
}

TEST(Counted, RecordersOfServersWithoutKinds) {
    const auto counted = [](string_view identity, string_view kind) {
        return Parsed(bare("participant_joined", R"(,"room":{"name":"math"},"participant":{"sid":"PA_1","identity":")" +
                                                     string(identity) + "\"" + string(kind) + "}"))
            .counted;
    };
    EXPECT_FALSE(counted("EG_abc", ""));
    EXPECT_TRUE(counted("EG_abc", R"(,"kind":"STANDARD")"));
    EXPECT_TRUE(counted("my EG_abc", ""));
}

TEST(Redact, Keys) {
    EXPECT_EQ(redacted(R"({"turnPassword":"0123456789abc","a":"b"})"), R"({"turnPassword":"[redacted]","a":"b"})");
    EXPECT_EQ(redacted(R"({"turn_password":"0123456789abc"})"), R"({"turn_password":"[redacted]"})");
    EXPECT_EQ(redacted("{\"turnPassword\" \t:\r\n \"0123456789abc\"}"), "{\"turnPassword\" \t:\r\n \"[redacted]\"}");
    EXPECT_EQ(redacted(R"("turnPassword":"0123456789abc", "turn_password":"0123456789abc")"),
              R"("turnPassword":"[redacted]", "turn_password":"[redacted]")");
}

TEST(Redact, TheCopyNeverGrows) {
    EXPECT_EQ(redacted(R"("turnPassword":"0123456789")"), R"("turnPassword":"[redacted]")");
    EXPECT_EQ(redacted(R"("turnPassword":"012345678")"), R"("turnPassword":"*********")");
    EXPECT_EQ(redacted(R"("turnPassword":"0")"), R"("turnPassword":"*")");
    EXPECT_EQ(redacted(R"("turnPassword":"","turnPassword":"0")"), R"("turnPassword":"","turnPassword":"*")");
}

TEST(Redact, OtherTextIsLeftAlone) {
    for (const auto text : {"", "turn", "turnPassword", R"("turnPassword")", R"("turnPassword":)",
                            R"("turnPassword":7)", R"("turnPassword":null,"a":"secret")", R"("turnpassword":"x")",
                            R"("turnPassword","a":"x")", R"("turnPassword\":"x")"}) {
        EXPECT_EQ(redacted(text), text);
    }
}

TEST(Redact, EscapedWithinStrings) {
    string text = R"({"turnPassword":"0123\"456\\789","a":"b"})";
    string expected = R"({"turnPassword":"[redacted]","a":"b"})";
    for (int level = 0; level < 4; ++level) {
        EXPECT_EQ(redacted(text), expected);
        text = "{\"s\":" + escaped(text) + "}";
        expected = "{\"s\":" + escaped(expected) + "}";
    }
}

TEST(Redact, AValueThatEndsInABackslash) {
    EXPECT_EQ(redacted(R"({"turnPassword":"0123456789\\","a":"b"})"), R"({"turnPassword":"[redacted]","a":"b"})");
    EXPECT_EQ(redacted(R"("{\"turnPassword\":\"0123456789\\\\\",\"a\":1}")"),
              R"("{\"turnPassword\":\"[redacted]\",\"a\":1}")");
}

TEST(Redact, BrokenTextEndsTheValue) {
    EXPECT_EQ(redacted(R"({"turnPassword":"0123456789abc)"), R"({"turnPassword":"[redacted])");
    EXPECT_EQ(redacted(R"({"turnPassword":"012\)"), R"({"turnPassword":"****)");
    EXPECT_EQ(redacted(R"({"s":"turnPassword\":\"0123456789abc","t":"u"})"),
              R"({"s":"turnPassword\":\"[redacted]","t":"u"})");
    EXPECT_EQ(redacted(R"({"s":"turnPassword\":\"0123456789\\","t":"u"})"),
              R"({"s":"turnPassword\":\"[redacted]","t":"u"})");
}

TEST(Redact, BodiesAreRedactedAndParsedFromWhatIsStored) {
    const Parsed webhook(room("room_started", R"(,"turnPassword":"HZFKpSMqaP1ufUqW")"));
    EXPECT_EQ(webhook.body, room("room_started", R"(,"turnPassword":"[redacted]")"));
    EXPECT_EQ(Parsed(stay("participant_joined", R"(,"name":"turnPassword\":\"secret")")).name,
              R"(turnPassword":"******)");
}

// Whatever somebody calls himself, the body stays JSON and everything else in it stays as it was.
TEST(Redact, NoNameBreaksTheBody) {
    constexpr std::array pieces = {"turnPassword", "turn_password", "\\", "\\\\", "\"", ":", " ", "x",
                                   "secret secret", "é"};
    std::mt19937 random(20260101);
    for (int i = 0; i < 20000; ++i) {
        string text = "name";
        for (auto n = random() % 12; n > 0; --n) {
            text += pieces[random() % pieces.size()];
        }
        for (auto levels = random() % 3; levels > 0; --levels) {
            text = escaped(text);
        }
        const string body = stay("participant_joined", R"(,"name":)" + escaped(text) + R"(,"version":8)");
        const Parsed webhook(body);
        ASSERT_EQ(webhook.problem, "") << body;
        ASSERT_EQ(webhook.identity, "5") << body;
        ASSERT_EQ(webhook.version, 8) << body;
        ASSERT_EQ(redacted(webhook.body), webhook.body) << body;
    }
}

TEST(Redact, TakesLinearTime) {
    for (const string piece :
         {"turnPassword", "turnPassword\":\"", "\"turnPassword\":\"\",", "turnPassword\\", "turn", "\\"}) {
        string text;
        while (text.size() < max_body) {
            text += piece;
        }
        const auto started = std::chrono::steady_clock::now();
        EXPECT_LE(redacted(text).size(), text.size());
        EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(5)) << piece;
    }
}

TEST(Recordings, AreUnderstoodAndKeepNoSecret) {
    std::map<string, int, std::less<>> events;
    int uncounted = 0;
    for (const auto& body : recorded_bodies()) {
        const Parsed webhook(body);
        ASSERT_EQ(webhook.problem, "") << body;
        ++events[string(webhook.event)];
        EXPECT_TRUE(webhook.event_id.starts_with("EV_"));
        EXPECT_TRUE(webhook.room_sid.starts_with("RM_"));
        EXPECT_FALSE(webhook.room.empty());
        EXPECT_EQ(absent(webhook.identity), webhook.event.starts_with("room_"));
        if (!absent(webhook.identity)) {
            uncounted += !webhook.counted;
            EXPECT_TRUE(webhook.participant_sid.starts_with("PA_"));
            EXPECT_EQ(webhook.version == -1, webhook.event.starts_with("track_"));
        }

        constexpr string_view key = R"("turnPassword":")";
        if (const auto secret = body.find(key); secret != body.npos) {
            const string value = unescaped(string_view(body).substr(secret + key.size()));
            EXPECT_GT(value.size(), 40u);
            EXPECT_EQ(webhook.body.find(value), webhook.body.npos);
            EXPECT_EQ(webhook.body.substr(secret, key.size() + 11), R"("turnPassword":"[redacted]")");
        } else {
            EXPECT_TRUE(webhook.event.starts_with("track_"));
            EXPECT_EQ(webhook.body, body);
        }
    }
    const decltype(events) expected = {{"participant_connection_aborted", 2}, {"participant_joined", 130},
                                       {"participant_left", 122},             {"room_finished", 45},
                                       {"room_started", 51},                  {"track_published", 10},
                                       {"track_unpublished", 10}};
    EXPECT_EQ(events, expected);
    EXPECT_EQ(uncounted, 31);
}

TEST(Recordings, CutAnywhereTheyAreAProblem) {
    const string& body = *std::max_element(recorded_bodies().begin(), recorded_bodies().end(),
                                           [](const string& a, const string& b) { return a.size() < b.size(); });
    EXPECT_EQ(problem_of(body), "");
    for (std::size_t length = 0; length < body.size(); ++length) {
        // On the heap and of exactly this length, so that the sanitizer sees a read beyond it.
        const std::vector<char> cut(body.begin(), body.begin() + static_cast<std::ptrdiff_t>(length));
        const string problem = problem_of({cut.data(), cut.size()});
        EXPECT_TRUE(problem.starts_with("body: not valid JSON at byte ")) << length << ": " << problem;
    }
}

TEST(Recordings, FlippedBytesNeverCrash) {
    std::mt19937 random(20260101);
    int understood = 0;
    for (int i = 0; i < 20000; ++i) {
        string body = recorded_bodies()[random() % recorded_bodies().size()];
        for (auto flips = 1 + random() % 4; flips > 0; --flips) {
            body[random() % body.size()] = static_cast<char>(random());
        }
        const Parsed webhook(body);
        if (webhook.problem.empty()) {
            ++understood;
            const Parsed replayed(webhook.body);
            ASSERT_EQ(replayed.problem, "") << body;
            ASSERT_EQ(replayed.body, webhook.body);
        }
    }
    EXPECT_GT(understood, 1000);
    EXPECT_LT(understood, 19000);
}

}  // namespace
}  // namespace attendance

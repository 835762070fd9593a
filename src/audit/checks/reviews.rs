//! Reviews: their figures, and that nobody reads one before its time.

use chrono::TimeDelta;

use super::super::model::{Check, Driver};

const NONE: TimeDelta = TimeDelta::zero();
/// A review is published by then, whatever its job met on the way.
const HALF_AN_HOUR: TimeDelta = TimeDelta::minutes(30);

const fn review(
    name: &'static str,
    grace: TimeDelta,
    en: &'static str,
    ko: &'static str,
    sql: &'static str,
) -> Check {
    Check { name, driver: Driver::Reservation, is_money: false, grace, en, ko, sql }
}

pub const CHECKS: &[Check] = &[
    Check {
        name: "review-figures",
        driver: Driver::Mentor,
        is_money: false,
        grace: NONE,
        en: "A mentor's figures are not those of the reviews.",
        ko: "멘토의 평점이 후기들의 합과 다릅니다.",
        sql: "SELECT t.id, CAST(JSON_OBJECT('keptReviews', t.kept_reviews, 'reviews', t.reviews,
            'keptTotal', t.kept_total, 'total', t.total) AS CHAR)
         FROM (SELECT d.user_id AS id, COALESCE(s.reviews, 0) AS kept_reviews, COALESCE(s.total, 0) AS kept_total,
                  (SELECT COUNT(*) FROM reviews v
                   WHERE v.subject_id = d.user_id AND v.side = 'mentee' AND v.counted = 1) AS reviews,
                  (SELECT COALESCE(SUM(v.stars), 0) FROM reviews v
                   WHERE v.subject_id = d.user_id AND v.side = 'mentee' AND v.counted = 1) AS total
               FROM mentors d LEFT JOIN review_sums s ON s.person_id = d.user_id AND s.side = 'mentor'
               WHERE {scope}) t
         WHERE t.kept_reviews <> t.reviews OR t.kept_total <> t.total",
    },
    review(
        "review-sealed",
        HALF_AN_HOUR,
        "A review is sealed although the time to write is over.",
        "작성 기간이 끝난 후기가 아직 공개되지 않았습니다.",
        "SELECT d.id, CAST(JSON_OBJECT('review', HEX(v.id), 'side', v.side) AS CHAR)
         FROM reservations d JOIN reviews v ON v.reservation_id = d.id
         WHERE {scope} AND v.state = 'sealed' AND v.publish_at < {before}",
    ),
    review(
        "review-blind",
        NONE,
        "One side's review was published while the other's was not.",
        "한쪽의 후기만 먼저 공개되었습니다.",
        "SELECT d.id, CAST(JSON_OBJECT('published', HEX(v.id), 'other', HEX(w.id)) AS CHAR)
         FROM reservations d JOIN reviews v ON v.reservation_id = d.id AND v.published_at IS NOT NULL
            JOIN reviews w ON w.reservation_id = d.id AND w.id <> v.id
         WHERE {scope}
            AND (w.state = 'sealed' OR w.published_at IS NOT NULL AND w.published_at <> v.published_at)",
    ),
    review(
        "review-session",
        NONE,
        "A session that was not completed has a review.",
        "완료되지 않은 세션에 후기가 있습니다.",
        "SELECT d.id, CAST(JSON_OBJECT('review', HEX(v.id), 'state', d.state) AS CHAR)
         FROM reservations d JOIN reviews v ON v.reservation_id = d.id
         WHERE {scope} AND (d.state <> 'completed' OR d.extends_id IS NOT NULL)",
    ),
];

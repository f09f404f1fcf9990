//! The 60 event names, the most frequent first.

use crate::random::Random;

/// Names as a shop's site sends them: `RudderStack`'s e-commerce spec, and what shops add to it. Rank is frequency.
pub const EVENT_NAMES: [&str; 60] = [
    "Product Viewed",
    "Product List Viewed",
    "Product Clicked",
    "viewed_product",
    "Products Searched",
    "Product Added",
    "Image Zoomed",
    "Cart Viewed",
    "Promotion Viewed",
    "Application Opened",
    "Product List Filtered",
    "Checkout Started",
    "Page Scrolled 90",
    "Promotion Clicked",
    "Checkout Step Viewed",
    "Checkout Step Completed",
    "Login",
    "Product Removed",
    "Payment Info Entered",
    "Order Completed",
    "signup",
    "Product Added to Wishlist",
    "Email Opened",
    "CookieConsentGiven",
    "Coupon Entered",
    "Coupon Applied",
    "Email Link Clicked",
    "Application Backgrounded",
    "Push Notification Received",
    "Size Guide Opened",
    "Push Notification Tapped",
    "Product Shared",
    "Wishlist Product Added to Cart",
    "Coupon Denied",
    "Product Reviewed",
    "Video Started",
    "Banner Dismissed",
    "Logout",
    "Video Paused",
    "Video Completed",
    "Newsletter Subscribed",
    "Product Removed from Wishlist",
    "Store Located",
    "Delivery Slot Chosen",
    "Review Helpful Voted",
    "Order Updated",
    "FAQOpened",
    "Support Chat Started",
    "Account Updated",
    "addressAdded",
    "Cart Shared",
    "Coupon Removed",
    "Application Installed",
    "Application Updated",
    "Gift Card Redeemed",
    "Password Reset Requested",
    "Order Cancelled",
    "Order Refunded",
    "Support Ticket Created",
    "Newsletter Unsubscribed",
];

/// The place of "Application Opened".
pub const APPLICATION_OPENED: u8 = 9;

/// The same names as the warehouse has them, rank by rank.
pub const NORMALISED_NAMES: [&str; 60] = [
    "product_viewed",
    "product_list_viewed",
    "product_clicked",
    "viewed_product",
    "products_searched",
    "product_added",
    "image_zoomed",
    "cart_viewed",
    "promotion_viewed",
    "application_opened",
    "product_list_filtered",
    "checkout_started",
    "page_scrolled_90",
    "promotion_clicked",
    "checkout_step_viewed",
    "checkout_step_completed",
    "login",
    "product_removed",
    "payment_info_entered",
    "order_completed",
    "signup",
    "product_added_to_wishlist",
    "email_opened",
    "cookie_consent_given",
    "coupon_entered",
    "coupon_applied",
    "email_link_clicked",
    "application_backgrounded",
    "push_notification_received",
    "size_guide_opened",
    "push_notification_tapped",
    "product_shared",
    "wishlist_product_added_to_cart",
    "coupon_denied",
    "product_reviewed",
    "video_started",
    "banner_dismissed",
    "logout",
    "video_paused",
    "video_completed",
    "newsletter_subscribed",
    "product_removed_from_wishlist",
    "store_located",
    "delivery_slot_chosen",
    "review_helpful_voted",
    "order_updated",
    "faq_opened",
    "support_chat_started",
    "account_updated",
    "address_added",
    "cart_shared",
    "coupon_removed",
    "application_installed",
    "application_updated",
    "gift_card_redeemed",
    "password_reset_requested",
    "order_cancelled",
    "order_refunded",
    "support_ticket_created",
    "newsletter_unsubscribed",
];

/// Draws ranks by Zipf's law: rank `k` (from 1) with weight `1 / k`.
#[derive(Debug, Clone)]
pub struct Zipf {
    cumulative: [u64; EVENT_NAMES.len()],
}

impl Zipf {
    /// The law over all names.
    pub fn new() -> Self {
        let mut total = 0;
        let cumulative = std::array::from_fn(|rank| {
            total += 1_000_000_000 / (rank as u64 + 1);
            total
        });
        Self { cumulative }
    }

    /// An index into [`EVENT_NAMES`].
    pub fn draw(&self, random: &mut Random) -> u8 {
        let point = random.below(self.cumulative[EVENT_NAMES.len() - 1]);
        self.cumulative.partition_point(|&end| end <= point) as u8
    }
}

impl Default for Zipf {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::{EVENT_NAMES, NORMALISED_NAMES, Zipf};
    use crate::random::{Purpose, Random};

    #[test]
    fn both_spellings_say_the_same() {
        let letters = |name: &str| name.to_lowercase().replace([' ', '_'], "");
        for (original, normalised) in EVENT_NAMES.iter().zip(NORMALISED_NAMES) {
            assert_eq!(letters(original), letters(normalised));
            assert!(normalised.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_')));
            if original.contains(' ') {
                assert_eq!(original.to_lowercase().replace(' ', "_"), normalised);
            }
        }
        assert_eq!(EVENT_NAMES[usize::from(super::APPLICATION_OPENED)], "Application Opened");
        let mut distinct = NORMALISED_NAMES.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), 60);
    }

    #[test]
    fn the_second_name_is_half_as_frequent_as_the_first() {
        let zipf = Zipf::new();
        let mut random = Random::of(3, Purpose::Session, 0);
        let mut counts = [0_u32; 60];
        for _ in 0..500_000 {
            counts[usize::from(zipf.draw(&mut random))] += 1;
        }
        for rank in [2_u32, 5, 20, 60] {
            let ratio = f64::from(counts[0]) / f64::from(counts[rank as usize - 1]) / f64::from(rank);
            assert!((0.9..1.1).contains(&ratio), "rank {rank}: {ratio}");
        }
    }
}
